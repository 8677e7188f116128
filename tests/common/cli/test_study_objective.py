"""`anynet study` with a Python function that evaluates the networks."""

import pytest

from common.studies import Study

_OWN = "def depth(spec, seed, config, report):\n    return len(spec.stages) / 10\n"
_TINY = ("--space", "AnyNetXA-small", "--networks", 2, "--objective", "own.py:depth")


@pytest.fixture
def own(run, journal, tmp_path):
    (tmp_path / "own.py").write_text(_OWN)


@pytest.mark.usefixtures("own")
def test_a_worker_evaluates_networks_by_the_function_it_is_given(run, journal):
    created = run("study", "create", "first", *_TINY)
    assert "anynet study work first --objective own.py:depth" in created.output
    worked = run("study", "work", "first", "--objective", "own.py:depth")
    assert "this worker trained 2 networks" in worked.output
    study = Study.open("first", journal)
    assert [result.error for result in study.results()] == [0.3, 0.3]
    assert (study.config.training.data, study.config.objective.function) == ("none", "depth")


@pytest.mark.usefixtures("own")
def test_a_worker_is_not_told_by_the_storage_which_file_to_import(run, tmp_path):
    run("study", "create", "first", *_TINY)
    (tmp_path / "own.py").write_text("raise SystemExit('imported')")
    result = run("study", "work", "first")
    assert "must be evaluated by the objective own.py:depth" in result.output
    assert "got none; add --objective own.py:depth" in result.output
    assert run("study", "status", "first").exit_code == 0


@pytest.mark.usefixtures("own")
def test_data_that_are_named_are_read_for_an_objective_too(run, journal):
    run("study", "create", "first", *_TINY, "--data", "sample")
    assert Study.open("first", journal).config.training.data == "sample"
    refused = run("study", "create", "second", *_TINY, "--data", "nowhere")
    assert "nowhere', which does not exist" in refused.output
