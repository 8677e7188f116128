"""`anynet study` as a user meets it, without a framework."""

import json

import optuna
import pytest

from common.errors import StudyError
from common.studies import Study
from common.studies.catalog import BEGUN, list_studies
from common.studies.storage import open_storage

_SMALL = ("--space", "AnyNetXA-small", "--space", "AnyNetXE-small", "--networks", 2)


def _study(name="first"):
    return Study.open(name, "anynet-studies.db")


def test_a_study_is_created_with_its_options(run):
    result = run("study", "create", "first", *_SMALL, "--flops", "1e6:2e6", "--epochs", 4)
    assert result.exit_code == 0, result.output
    assert "4 networks queued in anynet-studies.db" in result.output
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
    assert "no worker is running" in output


def test_failed_networks_are_queued_again(run):
    run("study", "create", "first", *_SMALL)
    study = _study()
    study.fail(study.claim("me"), "no memory")
    assert "1 networks requeued" in run("study", "retry", "first").output


def test_a_study_is_extended(run):
    run("study", "create", "first", *_SMALL)
    assert "5 networks per space" in run("study", "extend", "first", "--by", 3).output
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
        (("status", "first"), "must exist; got no such file"),
        (("work", "first"), "must exist; got no such file"),
        (("run", "first"), "must exist; got no such file"),
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
    assert "an existing study keeps its settings; got different ones" in result.output


def test_studies_are_listed(run, journal):
    run("study", "create", "first", *_SMALL)
    run("study", "create", "second", "--space", "AnyNetXD-small", "--networks", 3)
    lines = run("study", "list").output.splitlines()
    rows = [line.split() for line in lines if "AnyNet" in line]
    assert rows == [
        ["first", "AnyNetXA-small,", "AnyNetXE-small", "4", "0"],
        ["second", "AnyNetXD-small", "3", "0"],
    ]


def test_a_study_is_deleted_when_that_is_confirmed(run, journal):
    for name in ("first", "second"):
        run("study", "create", name, *_SMALL)
    assert run("study", "delete", "first").exit_code == 1
    assert "study first deleted" in run("study", "delete", "first", "--yes").output
    assert [one.name for one in list_studies(journal)] == ["second"]


def test_a_study_in_training_is_not_deleted(run):
    run("study", "create", "first", *_SMALL)
    claim = _study().claim("me")
    refused = run("study", "delete", "first", "--yes")
    assert "must have no workers; got 1 networks in training" in refused.output
    study = _study()
    assert run("study", "delete", "first", "--yes", "--running").exit_code == 0
    with pytest.raises(StudyError, match="must still contain the study; got a deleted one"):
        study.finish(claim, 0.5, [], 1.0)


def test_the_study_of_another_program_is_neither_listed_nor_deleted(run, journal):
    run("study", "create", "first", *_SMALL)
    storage = open_storage(journal)
    optuna.create_study(storage=storage, study_name="theirs")
    assert "theirs" not in run("study", "list").output
    result = run("study", "delete", "theirs", "--yes")
    assert "got another program's study, which is not changed" in result.output
    assert len(storage.get_all_studies()) == 2


def test_a_study_that_was_not_created_to_its_end_is_listed_and_deleted(run, journal):
    run("study", "create", "first", *_SMALL)
    begun = optuna.create_study(storage=open_storage(journal), study_name="begun")
    begun.set_user_attr(BEGUN, True)
    assert "incomplete; anynet study delete" in run("study", "list").output
    assert run("study", "delete", "begun", "--yes").exit_code == 0
