"""`anynet study` as a user meets it, without a framework."""

import json

import pytest
from click.testing import CliRunner

from common.cli import main
from common.studies import Study

_SMALL = ("--space", "AnyNetXA-small", "--space", "AnyNetXE-small", "--networks", 2)


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(main, [str(one) for one in arguments])


def _study(name="first"):
    return Study.open(name, "anynet-studies.db")


def test_a_study_is_created_with_its_options(run):
    result = run("study", "create", "first", *_SMALL, "--flops", "1e6:2e6", "--epochs", 4)
    assert result.exit_code == 0, result.output
    assert "4 networks wait in anynet-studies.db" in result.output
    config = _study().config
    assert config.spaces[0].limits.flops == (1e6, 2e6)
    assert (config.training.epochs, config.training.recipe.warmup_epochs) == (4, 0.5)
    assert all(1e6 <= one.flops <= 2e6 for one in _study().results())


def test_a_study_is_created_again_from_its_settings(run, tmp_path):
    run("study", "create", "first", *_SMALL)
    path = tmp_path / "study.json"
    path.write_text(json.dumps(_study().config.to_dict()))
    assert run("study", "create", "second", "--config", path).exit_code == 0
    assert _study("second").results() == _study().results()


def test_a_space_may_come_from_a_file(run, tmp_path):
    (tmp_path / "mine.yaml").write_text("{name: mine, base: AnyNetXE-small, stages: 2}")
    assert run("study", "create", "first", "--space", "mine.yaml", "--networks", 1).exit_code == 0
    assert len(_study().results()[0].network.spec.stages) == 2


def test_the_status_counts_networks_by_state(run):
    run("study", "create", "first", *_SMALL)
    study = _study()
    study.fail(study.claim("me"), "no memory")
    output = run("study", "status", "first").output
    assert "AnyNetXA-small         1         0          0        0        1      0" in output
    assert "AnyNetXA-small/0 failed: no memory" in output
    assert "nobody trains" in output


def test_failed_networks_are_queued_again(run):
    run("study", "create", "first", *_SMALL)
    study = _study()
    study.fail(study.claim("me"), "no memory")
    assert "1 networks wait again" in run("study", "retry", "first").output


def test_a_study_is_extended(run):
    run("study", "create", "first", *_SMALL)
    assert "5 networks of each space" in run("study", "extend", "first", "--by", 3).output
    assert len(_study().results()) == 10


def test_results_are_exported(run, tmp_path):
    run("study", "create", "first", *_SMALL)
    assert run("study", "export", "first", "--out", "all.csv").exit_code == 0
    assert len((tmp_path / "all.csv").read_text().split('"waiting"')) == 5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("create", "first"), "space: must be given for a new study"),
        (("create", "first", "--space", "AnyNetXF"), "did you mean"),
        (("create", "first", *_SMALL, "--flops", "1:2"), "must leave one of 10,000 candidates"),
        (("create", "first", *_SMALL, "--flops", "some"), "must be LOW:HIGH such as 2e6:4e6"),
        (("create", "first", *_SMALL, "--config", "no.json"), "must be a readable study.json"),
        (("status", "first"), "must be there; got no such file"),
        (("work", "first"), "must be there; got no such file"),
        (("run", "first"), "must be there; got no such file"),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, tuple) else "",
)
def test_bad_input_is_one_clear_error(run, arguments, message):
    result = run("study", *arguments)
    assert result.exit_code in (1, 2)
    assert message in result.output
    assert "Traceback" not in result.output


def test_a_report_needs_trained_networks(run, tmp_path):
    run("study", "create", "first", *_SMALL)
    result = run("study", "report", "first")
    assert "must have trained networks; got none" in result.output
    assert not (tmp_path / "study-report").exists()


def test_a_study_that_is_there_keeps_its_settings(run):
    run("study", "create", "first", *_SMALL)
    result = run("study", "run", "first", *_SMALL, "--epochs", 9)
    assert "one that is there keeps its settings; got others" in result.output
