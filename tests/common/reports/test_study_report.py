"""The report on a study and its table, made from results that nobody trained."""

import csv
import json
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from common.arch import AnyNetSpec
from common.errors import ConfigError
from common.marks import is_ours
from common.reports import report_files, write_study_report
from common.statistics import find
from common.studies import Result, StudyConfig
from common.studies.networks import draw
from common.studies.table import export_table
from tests.common.pages.test_page import Elements
from tests.common.studies.conftest import CONFIG as STUDY


@pytest.fixture(scope="module")
def results():
    """Six networks of each space; those of E are better, and the last of A failed."""
    stream, found = np.random.default_rng(0), []
    for number, space in enumerate(STUDY.spaces):
        for network in draw(space, 0, 6, 0):
            errors = tuple((0.3 - 0.1 * number + stream.random(2) / 100).tolist())
            rows = ({"kind": "epoch", "epoch": 1, "val_accuracy": 0.5},)
            found.append(Result(network, "complete", 1000, 2000, 300, errors[-1], errors, rows, 2))
    found[5] = replace(found[5], state="failed", error=None, errors=(), message="<no memory>")
    return found


@pytest.fixture(scope="module")
def report(results, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("common.reports.analysis.find", partial(find, shuffles=3))
        write_study_report("first", STUDY, results, folder)
    return folder


def test_every_file_is_marked_as_ours_and_named_before(report, results):
    files = [path for path in report.rglob("*") if path.is_file()]
    assert [path for path in files if not is_ours(path)] == []
    assert {str(path.relative_to(report)) for path in files} <= set(report_files(STUDY, results))


def test_the_page_needs_no_other_file_to_be_seen(report):
    page = Elements((report / "index.html").read_text())
    assert [values for _, values in page.found if "src" in values] == []


def test_every_link_of_the_page_is_there(report):
    found = Elements((report / "index.html").read_text()).found
    links = {values["href"] for _, values in found if "href" in values} - {"data:,"}
    assert {"study.json", "edf.png", "edf.svg", "scatter.png"} <= links
    assert all((report / link).is_file() for link in links)


def test_what_a_framework_said_is_kept_as_text(report):
    page = Elements((report / "index.html").read_text())
    assert json.loads(page.scripts[0])["networks"]["remark"] == {"5": "<no memory>"}
    assert [tag for tag, _ in page.found].count("script") == 2


def test_the_page_says_how_many_networks_there_are(report):
    text = (report / "index.html").read_text()
    assert "<tr><td>AnyNetXA-small<td>5<td>" in text
    assert "(n = 5 and 6)<td" in text


def test_the_page_has_the_verdict_of_each_pair(report):
    (pair,) = json.loads(Elements((report / "index.html").read_text()).scripts[0])["pairs"]
    assert (pair["first"], pair["second"]) == (0, 1)
    assert "the mean error of AnyNetXE-small is smaller" in pair["verdict"]


def test_every_figure_is_there_as_png_and_svg(report):
    names = {path.stem for path in report.glob("*.png")}
    assert names == {path.stem for path in report.glob("*.svg")}
    assert names == {
        "edf", "edf-normalised", "scatter", "importance", "profiles", "curves", "agreement",
    }  # fmt: skip


def test_a_record_begins_with_the_network(report, results):
    first, row = map(
        json.loads, (report / "records/AnyNetXE-small-0003.jsonl").read_text().splitlines()
    )
    assert AnyNetSpec.from_dict(first["spec"]) == results[9].network.spec
    assert row == results[9].record[0]


def test_the_settings_are_those_of_the_study(report):
    assert StudyConfig.from_dict(json.loads((report / "study.json").read_text())) == STUDY


def test_the_numbers_are_those_of_the_networks_that_ended_well(report, results):
    numbers = json.loads((report / "results.json").read_text())
    assert numbers["errors"]["AnyNetXA-small"] == [result.error for result in results[:5]]
    # Five and six networks are too few to show dominance.
    assert numbers["comparisons"][0]["verdict"] == (
        "the mean error of AnyNetXE-small is smaller; dominance is not shown (n = 5 and 6)"
    )
    assert numbers["comparisons"][0]["interest"] == 0.005
    assert set(numbers["importance_chances"]["AnyNetXA-small"]) == set(
        numbers["importances"]["AnyNetXA-small"]
    )


def test_a_space_with_too_few_networks_is_one_clear_error(results, tmp_path):
    with pytest.raises(ConfigError, match="AnyNetXE-small must have 3 complete networks; got 2"):
        write_study_report("first", STUDY, results[:8], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_table_has_a_row_per_network(results, tmp_path):
    export_table(results, tmp_path / "table.csv")
    with (tmp_path / "table.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(results)
    assert [float(row["error"] or "nan") for row in rows][:5] == [r.error for r in results[:5]]
    assert rows[5]["message"] == "<no memory>"
    assert AnyNetSpec.from_json(rows[3]["spec"]) == results[3].network.spec


def test_the_table_is_the_same_in_parquet(results, tmp_path):
    from pyarrow import parquet

    export_table(results, tmp_path / "table.parquet")
    table = parquet.read_table(tmp_path / "table.parquet").to_pylist()
    assert [row["error"] for row in table] == [result.error for result in results]
    assert {type(row["params"]) for row in table} == {int}


def test_a_table_of_another_kind_is_refused(results, tmp_path):
    with pytest.raises(ConfigError, match=r"must end in \.csv or \.parquet"):
        export_table(results, tmp_path / "table.xlsx")
    assert not list(tmp_path.iterdir())
