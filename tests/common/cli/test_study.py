"""`anynet study` as a user meets it, without a framework."""

import json

import optuna
import pytest
from click.testing import CliRunner

from common.cli import main
from common.errors import StudyError
from common.spaces import SPACES
from common.studies import Study, StudyConfig
from common.studies.catalog import BEGUN, list_studies
from common.studies.fit import check_study, for_the_data
from common.studies.storage import open_storage
from common.training import TrainConfig

_SMALL = ("--space", "AnyNetXA-small", "--space", "AnyNetXE-small", "--networks", 2)


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(main, [str(one) for one in arguments])


@pytest.fixture
def journal(monkeypatch):
    """A storage that is made faster than an SQLite file, for tests that do not need one."""
    monkeypatch.setenv("ANYNET_STORAGE", "journal:studies.log")
    return "journal:studies.log"


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


def _files(folder):
    return sorted(path.name for path in folder.rglob("*"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--space", "MLP", "--image-size", 32), "image_size must be that of the mlp, 28x28"),
        (("--space", "colour.yaml"), "give its template in_channels 1 and num_classes 10"),
        (("--space", "limited.yaml"), "its limits must count at the images' size, 28x28; got"),
        ((*_SMALL, "--batch-size", 6001), "batch_size: must be at most the 6,000 training images"),
        ((*_SMALL, "--data", "nowhere"), "must name a directory with the four Fashion-MNIST files"),
        ((*_SMALL, "--flops", "1:2"), "must leave one of 10,000 candidates"),
        ((*_SMALL, "--precise-bn", 3), "precise_bn: must be 0, or a batch of 128 at least"),
    ],
    ids=lambda value: "" if isinstance(value, str) else " ".join(map(str, value[-2:])),
)
@pytest.mark.parametrize("storage", ["new/studies.db", "journal:new/studies.log"])
def test_a_study_that_cannot_begin_leaves_nothing(run, tmp_path, arguments, message, storage):
    (tmp_path / "colour.yaml").write_text("{name: mine, base: AnyNetXE}")
    (tmp_path / "limited.yaml").write_text(
        "{name: mine, base: AnyNetXE-small, limits: {flops: [0, 1.0e+9], image_size: 224}}"
    )
    before = _files(tmp_path)
    result = run("study", "create", "first", *arguments, "--storage", storage)
    assert result.exit_code == 1
    assert message in result.output
    assert _files(tmp_path) == before


@pytest.mark.parametrize("storage", ["new/deep/studies.db", "journal:new/studies.log"])
def test_a_study_that_is_not_created_to_its_end_leaves_nothing(run, tmp_path, monkeypatch, storage):
    def fails(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr("common.studies.study.waiting_trials", fails)
    result = run("study", "create", "first", *_SMALL, "--storage", storage)
    assert "No space left on device" in result.output
    assert _files(tmp_path) == []


def test_a_study_that_is_not_created_to_its_end_leaves_the_others(run, journal, monkeypatch):
    run("study", "create", "first", *_SMALL)
    monkeypatch.setattr("common.studies.study.waiting_trials", lambda *_: 1 / 0)
    run("study", "create", "second", *_SMALL)
    assert [one.name for one in list_studies(journal)] == ["first"]


def test_a_ready_space_is_given_the_channels_and_classes_of_the_data(run, journal):
    assert run("study", "create", "first", "--space", "AnyNetXA", "--networks", 1).exit_code == 0
    spec = Study.open("first", journal).results()[0].network.spec
    assert (spec.in_channels, spec.num_classes) == (1, 10)


@pytest.mark.parametrize("name", sorted(SPACES))
def test_every_ready_space_fits_the_data(name):
    training = TrainConfig("torch", spec=None, data="sample", resize=(28, 28))
    check_study(StudyConfig((for_the_data(SPACES[name]),), training=training))


def test_limits_are_added_to_those_of_the_space(run, journal, tmp_path):
    (tmp_path / "mine.yaml").write_text(
        "{name: mine, base: AnyNetXE-small, limits: {params: [0, 50000]}}"
    )
    run("study", "create", "first", "--space", "mine.yaml", "--networks", 1, "--flops", "1e6:2e6")
    limits = Study.open("first", journal).config.spaces[0].limits
    assert (limits.params, limits.flops, limits.image_size) == ((0, 50000), (1e6, 2e6), 28)


@pytest.mark.parametrize("name", [".hidden", "-dash", "a/b", "two words", "a" * 101, "ä", "a\n"])
def test_a_bad_name_is_refused(run, tmp_path, name):
    result = run("study", "create", *_SMALL, "--", name)
    assert "study: its name must be letters, digits, '.', '_' and '-', 100 at most" in result.output
    assert _files(tmp_path) == []


@pytest.mark.parametrize(
    ("storage", "message"),
    [
        ("", "storage: must be FILE, sqlite:///FILE, postgresql://"),
        ("postgres://", "write postgresql://"),
        ("postgresql:/x", "storage: must be FILE"),
        ("mysql://root:secret@localhost/x", "storage: must be FILE"),
        ("sqlite:/x", "storage: must be FILE"),
        ("sqlite://x", "storage: must be FILE"),
        ("sqlite:///", "storage: must be FILE"),
        ("sqlite:///a.db?mode=ro", "takes no options"),
        ("http://localhost/x", "storage: must be FILE"),
        ("redis://localhost", "storage: must be FILE"),
        ("a:b.db", "a file of that name is ./a:b.db"),
        (":memory:", "storage: must be FILE"),
        (".", "must be a file; got a directory"),
        ("journal:", "storage: must be FILE"),
        ("a.txt/x.db", "File exists: 'a.txt'"),
        ("postgresql://me:secret@localhost:port/x", "with a number as port"),
        ("postgresql://me:secret@localhost:99999/x", "its port must be below 65536"),
        ("postgresql://me:secret@127.0.0.1:9/x", "must be reachable and writable"),
        ("postgresql://127.0.0.1:9/x?password=secret", "must be reachable and writable"),
    ],
)
def test_a_storage_that_makes_no_sense_is_one_line(run, tmp_path, storage, message):
    (tmp_path / "a.txt").write_text("")
    result = run("study", "create", "first", *_SMALL, "--networks", 1, "--storage", storage)
    assert (result.exit_code, len(result.stderr.splitlines())) == (1, 1)
    assert message in result.stderr
    assert "secret" not in result.stderr
    assert _files(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("file", ["a b.db", "50%.db", "ä {x}.db", "a#b.db", "two\nlines.db"])
def test_a_storage_may_be_called_anything(run, file):
    run("study", "create", "first", *_SMALL, "--networks", 1, "--storage", file)
    assert [one.name for one in list_studies(file)] == ["first"]


def test_suggested_commands_are_quoted(run):
    result = run("study", "create", "first", *_SMALL, "--storage", "a b.db")
    assert "anynet study work first --storage 'a b.db'\n" in result.output


def test_suggested_commands_leave_out_what_need_not_be_said(run):
    assert "anynet study work first\n" in run("study", "create", "first", *_SMALL).output


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
    assert "study first is deleted" in run("study", "delete", "first", "--yes").output
    assert [one.name for one in list_studies(journal)] == ["second"]


def test_a_study_in_training_is_not_deleted(run):
    run("study", "create", "first", *_SMALL)
    claim = _study().claim("me")
    refused = run("study", "delete", "first", "--yes")
    assert "must have no workers; got 1 networks in training" in refused.output
    study = _study()
    assert run("study", "delete", "first", "--yes", "--running").exit_code == 0
    with pytest.raises(StudyError, match="must hold the study still; got it deleted"):
        study.finish(claim, 0.5, [], 1.0)


def test_the_study_of_another_program_is_neither_listed_nor_deleted(run, journal):
    run("study", "create", "first", *_SMALL)
    storage = open_storage(journal)
    optuna.create_study(storage=storage, study_name="theirs")
    assert "theirs" not in run("study", "list").output
    result = run("study", "delete", "theirs", "--yes")
    assert "got another program's; it is left as it is" in result.output
    assert len(storage.get_all_studies()) == 2


def test_a_study_that_was_not_created_to_its_end_is_listed_and_deleted(run, journal):
    run("study", "create", "first", *_SMALL)
    begun = optuna.create_study(storage=open_storage(journal), study_name="begun")
    begun.set_user_attr(BEGUN, True)
    assert "not created to its end" in run("study", "list").output
    assert run("study", "delete", "begun", "--yes").exit_code == 0


def test_a_run_without_its_framework_makes_nothing(run, tmp_path, monkeypatch):
    missing = property(lambda self: ["torch"])
    monkeypatch.setattr("common.backends.Framework.missing", missing)
    result = run("study", "run", "first", *_SMALL)
    assert "backend torch: needs torch; got no torch" in result.output
    assert _files(tmp_path) == []
