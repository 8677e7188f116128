"""A run goes on only from files that it wrote itself, and as it wrote them."""

import json
import os
import shutil
from pathlib import Path

import pytest

from common.errors import AnyNetError, ConfigError, DataError, WeightsError
from common.training import Recipe, read_config, read_record
from common.training.run import RunDirectory
from common.weights import load_weights, save_weights
from tests.common.training.fakes import SPEC, Data, FakeTrainer, Model

_GOLDEN = Path(__file__).parents[2] / "golden" / "0.1" / "run"


def _fit(out, epochs=4, resume=False, **settings):
    trainer = FakeTrainer(epochs, out=out, **settings)
    trainer.fit(Model(), Data(), resume=resume)
    return trainer


@pytest.fixture
def run(tmp_path):
    """A run of two epochs, the first of which was the best."""
    _fit(tmp_path / "run", stop_after=2, wrong=[2])
    return tmp_path / "run"


def _edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize(("file", "old", "new", "message"), [
    ("config.json", '"epochs": 4', '"epochs": 5', "must be as the run wrote it; got changed"),
    ("config.json", '"seed": 0', '"seed": 1', "must be as the run wrote it; got changed"),
    ("config.json", '"digest": "', '"digest": "0', "must be as the run wrote it; got changed"),
    ("config.json", '"learning_rate": 0.5', '"learning_rate": 0.25', "undo the edit"),
    ("config.json", '"format": 2', '"format": 3', "must be of format 1 to 2; got 3; a newer"),
    ("record.jsonl", '"step": 2', '"step": 3', "up to its checkpoint, .* got other rows"),
    ("record.jsonl", '"val_accuracy": 0', '"val_accuracy": 1', "got other rows; undo the edit"),
])  # fmt: skip
def test_an_edited_file_is_refused_and_stays_as_it_is(run, file, old, new, message):
    _edit(run / file, old, new)
    before = {path.name: path.read_bytes() for path in run.iterdir()}
    with pytest.raises(ConfigError, match=f"{file}: .*{message}"):
        _fit(run, resume=True)
    assert {path.name: path.read_bytes() for path in run.iterdir()} == before


def test_a_config_written_otherwise_but_of_the_same_content_is_accepted(run):
    values = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps(dict(reversed(values.items()))))
    assert _fit(run, resume=True).learner.steps == 8


def test_the_config_of_another_run_is_refused(run, tmp_path):
    _fit(tmp_path / "other", stop_after=1, recipe=Recipe(0.9))
    shutil.copy(tmp_path / "other" / "config.json", run)
    with pytest.raises(ConfigError, match="must have the settings that its checkpoint was made"):
        _fit(run, resume=True, recipe=Recipe(0.9))


def test_a_config_rewritten_by_a_resume_that_was_killed_at_once_is_accepted(run):
    config = FakeTrainer(6, out=run, log_every=1)._config(Model(), Data())
    directory = RunDirectory(run, config, SPEC)
    directory.resume(Data.steps_per_epoch)
    directory.close()
    assert read_config(run).epochs == 6
    assert _fit(run, epochs=3, resume=True).learner.steps == 6


@pytest.mark.parametrize("file", ["checkpoint.safetensors", "best.safetensors"])
def test_a_flipped_bit_is_refused(run, file):
    data = bytearray((run / file).read_bytes())
    data[-3] ^= 4
    (run / file).write_bytes(data)
    with pytest.raises(WeightsError, match=f"{file}: arrays must be as they were written"):
        _fit(run, resume=True)


def test_a_missing_record_is_refused(run):
    (run / "record.jsonl").unlink()
    with pytest.raises(ConfigError, match="record.jsonl: must exist"):
        _fit(run, resume=True)
    assert not (run / "record.jsonl").exists()


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_a_record_that_is_no_file_is_refused(run, make):
    (run / "record.jsonl").unlink()
    make(run / "record.jsonl")
    with pytest.raises(ConfigError, match=r"record.jsonl: must be the record of a run; got no reg"):
        _fit(run, resume=True)


def test_a_best_network_that_is_missing_is_told(run, capsys):
    (run / "best.safetensors").unlink()
    assert _fit(run, resume=True, wrong=[3, 4]).learner.steps == 8
    assert "best.safetensors: must hold the network after epoch 1" in capsys.readouterr().err
    assert not (run / "best.safetensors").exists()


def test_a_best_network_that_the_checkpoint_has_is_written_again(tmp_path, capsys):
    _fit(tmp_path, stop_after=1)
    whole = (tmp_path / "best.safetensors").read_bytes()
    (tmp_path / "best.safetensors").unlink()
    _fit(tmp_path, resume=True, wrong=[2, 3, 4])
    assert "written again from the checkpoint" in capsys.readouterr().err
    assert (tmp_path / "best.safetensors").read_bytes() == whole


def test_a_best_network_of_another_epoch_is_refused(run):
    spec, arrays = load_weights(run / "best.safetensors")
    arrays["head.fc.bias"] = arrays["head.fc.bias"] + 1
    save_weights(run / "best.safetensors", spec, arrays)
    with pytest.raises(ConfigError, match="must hold the network after epoch 1; got another"):
        _fit(run, resume=True)


def test_a_kill_between_checkpoint_and_best_network_is_mended(tmp_path, capsys):
    _fit(tmp_path, stop_after=1, wrong=[1])
    stale = (tmp_path / "best.safetensors").read_bytes()
    _fit(tmp_path, stop_after=2, wrong=[1], resume=True)
    right = (tmp_path / "best.safetensors").read_bytes()
    (tmp_path / "best.safetensors").write_bytes(stale)
    _fit(tmp_path, wrong=[3, 4], resume=True)
    assert (tmp_path / "best.safetensors").read_bytes() == right
    assert capsys.readouterr().err == ""


def test_a_record_of_a_newer_format_is_refused_by_name(tmp_path):
    path = tmp_path / "record.jsonl"
    path.write_text('{"kind": "start", "format": 2}\n')
    with pytest.raises(DataError, match="line 1: must be of format 1; got 2; a newer release"):
        read_record(path)


def test_a_run_of_version_0_1_goes_on(tmp_path):
    shutil.copytree(_GOLDEN, tmp_path / "run")
    trainer = _fit(tmp_path / "run", epochs=3, resume=True)
    assert trainer.learner.steps == 6
    rows = read_record(tmp_path / "run" / "record.jsonl")
    assert [row["epoch"] for row in rows if row["kind"] == "epoch"] == [1, 2, 3]


@pytest.mark.parametrize("name", ["notes.txt", ".anynet-notes", "checkpoint.safetensors"])
def test_a_folder_that_holds_anything_is_refused_and_kept(tmp_path, name):
    (tmp_path / name).write_text("mine")
    with pytest.raises(ConfigError, match=f"must be new or empty.*holds {name}"):
        _fit(tmp_path)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(name, "mine")]


def test_a_run_that_was_killed_before_it_had_a_config_blocks_nothing(tmp_path):
    (tmp_path / "record.jsonl").touch()
    (tmp_path / ".config.json.k3_9x0ab.anynet.json").write_text("half")
    assert _fit(tmp_path, epochs=1).learner.steps == 2


def test_a_folder_inside_of_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(AnyNetError, match="must be in a folder"):
        _fit(tmp_path / "file" / "run")


@pytest.mark.parametrize("name", ["model.safetensors", "best.safetensors", "curves.png"])
@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_foreign_file_in_a_runs_directory_is_refused_and_kept(run, name, kind):
    (run / name).unlink(missing_ok=True)
    if kind == "file":
        (run / name).write_text("mine")
    else:
        (run / name).mkdir()
    with pytest.raises(ConfigError, match=f"{name}: must not exist, or be a file of the run"):
        _fit(run, resume=True)
    assert (run / name).is_dir() or (run / name).read_text() == "mine"


class _Told(Data):
    """Data that tells whether its images have changed."""

    def __init__(self, digest):
        self.fingerprint = lambda: digest


def test_images_that_changed_are_refused_by_a_resumed_run(tmp_path):
    FakeTrainer(4, out=tmp_path / "run", stop_after=2).fit(Model(), _Told("before"))
    files = {path: path.read_bytes() for path in (tmp_path / "run").iterdir()}
    with pytest.raises(ConfigError, match="must keep its images; got files or arrays that have"):
        FakeTrainer(4, out=tmp_path / "run").fit(Model(), _Told("after"), resume=True)
    assert {path: path.read_bytes() for path in (tmp_path / "run").iterdir()} == files
    rows = FakeTrainer(4, out=tmp_path / "run").fit(Model(), _Told("before"), resume=True)
    assert rows[-1]["kind"] == "end"


def test_a_checkpoint_of_data_that_tells_nothing_is_as_before(tmp_path):
    FakeTrainer(1, out=tmp_path / "run").fit(Model(), Data())
    assert b"images_digest" not in (tmp_path / "run" / "checkpoint.safetensors").read_bytes()
