"""Reports on several studies, and on networks that others trained."""

import csv
import json
import re
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from click.testing import CliRunner

from common.cli import main
from common.spaces import SPACES
from common.statistics import find
from common.studies import Study, import_study
from tests.common.studies.conftest import CONFIG


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Few shuffles, and no pictures."""
    monkeypatch.setattr("common.reports.analysis.find", partial(find, shuffles=3))
    monkeypatch.setattr("common.reports.study._figures", lambda *_: {})


@pytest.fixture
def store(tmp_path, monkeypatch):
    """A storage with two finished studies, which share a space but not the number of epochs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ANYNET_STORAGE", url := "journal:studies.log")
    other = replace(CONFIG, training=replace(CONFIG.training, epochs=3),
                    spaces=(SPACES["AnyNetXE-small"],))  # fmt: skip
    for name, config in (("one", CONFIG), ("two", other)):
        study = Study.create(name, url, config)
        for number, claim in enumerate(iter(lambda: study.claim("me"), None)):  # noqa: B023
            for epoch in range(1, config.training.epochs + 1):
                study.report(claim, epoch, 0.5 / epoch + 0.01 * number)
            study.finish(claim, 0.2 + 0.01 * number, [], 1.0)
    return url


def _report(*words):
    return CliRunner().invoke(main, ["study", "report", *map(str, words)])


def _page(folder):
    text = (folder / "index.html").read_text()
    (data,) = re.findall(r'<script[^>]*type="application/json"[^>]*>(.*?)</script>', text, re.S)
    return text, json.loads(data)


def test_several_studies_are_compared_in_one_report(store, tmp_path):
    done = _report("one", "two", "--out", "both")
    assert done.exit_code == 0, done.output
    assert "the studies differ in epochs: 2 in one, 3 in two" in done.stderr
    text, data = _page(tmp_path / "both")
    assert data["spaces"] == ["AnyNetXA-small", "one.AnyNetXE-small", "two.AnyNetXE-small"]
    assert "<strong>They were not trained alike</strong>" in text
    assert "epochs: 2 in one, 3 in two" in text
    assert [own["epochs"] for own in data["training"]] == [2, 2, 3]
    settings = json.loads((tmp_path / "both" / "study.json").read_text())
    assert settings["studies"].keys() == {"one", "two"}
    assert (tmp_path / "both/records/two.AnyNetXE-small-0000.jsonl").is_file()


def test_spaces_of_several_studies_are_paired_by_their_full_names(store, tmp_path):
    pair = "one.AnyNetXE-small:two.AnyNetXE-small"
    assert _report("one", "two", "--out", "both", "--pair", pair).exit_code == 0
    comparisons = json.loads((tmp_path / "both/results.json").read_text())["comparisons"]
    assert [(one["first"], one["second"]) for one in comparisons] == [tuple(pair.split(":"))]
    refused = _report("one", "two", "--pair", "AnyNetXE-small:AnyNetXA-small")
    assert "pair: must be FIRST:SECOND, two of AnyNetXA-small, one.AnyNetXE-small" in refused.output


def test_a_full_population_of_other_networks_has_a_report(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    stream = np.random.default_rng(0)
    found = {
        f"{n:04d}": {"test_acc": (90 + stream.normal(0, 1, 2)).tolist(), "params": 100 + n}
        for n in range(12)
    }
    (tmp_path / "macro.json").write_text(json.dumps(found))
    import_study("macro", "journal:studies.log", tmp_path / "macro.json", about="by <them>")
    done = _report("macro", "--storage", "journal:studies.log", "--out", "page")
    assert done.exit_code == 0, done.output
    text, data = _page(tmp_path / "page")
    assert "12 networks of 1 design space, imported from macro.json: by &lt;them&gt;" in text
    assert (data["networks"]["labels"]["3"], data["training"]) == ("0003", [None])
    assert [column["key"] for column in data["columns"]][-2:] == ["position_4", "params"]
    record = (tmp_path / "page/records/macro-0003.jsonl").read_text().splitlines()
    assert json.loads(record[0])["label"] == "0003"


def test_a_table_of_others_anynets_has_a_report(tmp_path, monkeypatch, store):
    specs = [result.network.spec.to_json() for result in Study.open("one", store).results()]
    with (tmp_path / "theirs.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["spec", "error"], *([s, 0.1] for s in specs)])
    import_study("theirs", store, tmp_path / "theirs.csv")
    assert _report("theirs", "--out", "page").exit_code == 0
    text, data = _page(tmp_path / "page")
    assert "6 networks of 1 design space, imported from theirs.csv." in text
    assert "contains what is known of how the networks were evaluated" in text
    assert all(data["networks"]["stages"])
