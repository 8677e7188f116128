"""The numbers of published reports are those of their tables, and the pages' of the commands."""

import json
import re

import pytest

from common.reports.analysis import analyse, numbers
from common.statistics import calibrate, networks_needed
from tests.common.published.claims import missing, page_text, percent
from tests.published import STUDIES, config_of, numbers_of, pairs_of, results_of


@pytest.mark.parametrize("folder", STUDIES, ids=lambda folder: folder.name)
def test_the_errors_of_a_report_are_those_of_its_table(folder):
    found = {space.name: [] for space in config_of(folder).spaces}
    for result in results_of(folder):
        found[result.network.space].append(result.error)
    assert numbers_of(folder)["errors"] == found


@pytest.mark.full
@pytest.mark.parametrize("folder", STUDIES, ids=lambda folder: folder.name)
def test_the_numbers_of_a_report_are_recomputed_from_its_table(folder):
    found = json.loads(numbers(analyse(config_of(folder), results_of(folder), pairs_of(folder))))
    published = dict(numbers_of(folder))
    assert {key: found[key] for key in ("errors", "tests", "shuffles", "format")} == {
        key: published[key] for key in ("errors", "tests", "shuffles", "format")
    }
    assert [one["verdict"] for one in found["comparisons"]] == [
        one["verdict"] for one in published["comparisons"]
    ]
    assert _flat(found) == pytest.approx(_flat(published), rel=1e-6, abs=1e-12)


def _flat(value, path=""):
    """All numbers of nested data by their place."""
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    else:
        return {path: value} if isinstance(value, int | float) else {}
    return {
        place: number for key, own in items for place, number in _flat(own, f"{path}/{key}").items()
    }


@pytest.mark.full
@pytest.mark.parametrize("networks", [64, 256])
def test_the_calibration_on_the_page_is_that_of_the_command(networks):
    rows = [
        f"| {one.scenario} | {percent(one.mean, 1)} | {percent(one.location, 1)} "
        f"| {percent(one.curves, 1)} | {percent(one.dominance, 1)} | {percent(one.equivalence, 1)} "
        f"| {percent(one.coverage, 1)} |"
        for one in calibrate(1000, networks)
    ]
    assert missing("studies.md", rows) == []


def test_no_false_claim_on_the_page_is_beyond_its_level():
    """Type I errors of dominance, at most 5 % where nothing dominates, in both tables."""
    rows = re.findall(r"\| ([^|]+?) ((?:\| [\d.]+ % ){6})\|", page_text("studies.md"))
    shares = {(name, place): [float(s) for s in re.findall(r"[\d.]+", row)]
              for place, (name, row) in enumerate(rows)}  # fmt: skip
    assert len(shares) == 18
    nothing = [own[3] for (_, place), own in shares.items() if place % 9 < 5]
    assert max(nothing) <= 5


def test_the_numbers_of_networks_on_the_page_are_those_of_the_command():
    needed = networks_needed(0.005, 0.025, tests=30)
    claim = f"five pairs have: {needed.mean}; and {needed.equivalence} to show"
    assert missing("studies.md", [claim]) == []
