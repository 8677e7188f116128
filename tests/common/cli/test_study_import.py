"""`anynet study import` and `coverage`."""

import itertools
import json

import numpy as np
import pytest

from common.spaces import SPACES
from common.studies import Study
from common.studies.networks import draw

_SPECS = [network.spec for network in draw(SPACES["AnyNetXE-small"], 0, 4, 0)]


@pytest.fixture
def macro(tmp_path):
    """A full population in the form of NAS-Bench-Macro: 81 networks with two seeds each."""
    stream = np.random.default_rng(0)
    found = {}
    for digits in itertools.product("012", repeat=4):
        accuracies = (90 + sum(map(int, digits)) / 8 + stream.normal(0, 0.2, 2)).tolist()
        found["".join(digits)] = {"test_acc": accuracies, "params": 1 + int("".join(digits), 3)}
    path = tmp_path / "macro.json"
    path.write_text(json.dumps(found))
    return path


def test_a_table_is_imported_and_exported_again(run, journal, tmp_path):
    rows = [f'{n},0.{n + 1},"{json.dumps(s.to_dict()).replace(chr(34), chr(34) * 2)}"'
            for n, s in enumerate(_SPECS)]  # fmt: skip
    (tmp_path / "theirs.csv").write_text("\n".join(["index,error,spec", *rows]))
    done = run("study", "import", "theirs", "theirs.csv", "--space", "AnyNetXE-small")
    assert "4 networks of AnyNetXE-small" in done.output
    assert "write a report: anynet study report theirs" in done.output
    assert [r.network.spec for r in Study.open("theirs", journal).results()] == _SPECS
    assert run("study", "export", "theirs", "--out", "again.csv").exit_code == 0
    assert run("study", "import", "again", "again.csv").exit_code == 0
    assert Study.open("again", journal).results()[3].error == 0.4
    assert "was imported" not in run("study", "status", "again").output
    assert "must be trained here" in run("study", "work", "again").output


def test_a_wrong_table_is_one_error_and_leaves_nothing(run, journal, tmp_path):
    (tmp_path / "theirs.csv").write_text("spec,error\n{},0.1\n")
    done = run("study", "import", "theirs", "theirs.csv")
    assert done.exit_code == 1
    assert "theirs.csv, row 1: spec: " in done.output
    assert not (tmp_path / "studies.log").exists()


def test_a_full_population_checks_the_coverage_of_intervals(run, journal, macro):
    assert "81 networks of macro" in run("study", "import", "macro", macro).output
    done = run("study", "coverage", "macro", "--networks", 20, "--draws", 100)
    (row,) = [line.split() for line in done.output.splitlines() if line.split()[:1] == ["macro"]]
    assert row[1:3] == ["81", "20"]
    assert all(85 <= float(share) <= 100 for share in (row[3], row[5]))


def test_coverage_needs_trained_networks(run, journal):
    run("study", "create", "first", "--space", "AnyNetXA-small", "--networks", 1)
    assert "must have trained networks; got none" in run("study", "coverage", "first").output
