"""Logs for other programs: CSV and TensorBoard."""

import csv
import sys
from types import ModuleType
from typing import ClassVar

import pytest

from common.errors import BackendError, ConfigError
from common.training import CSVLogger, TensorBoardLogger
from tests.common.training.fakes import Data, FakeTrainer, Model


def _fit(out, *callbacks, epochs=2, resume=False):
    trainer = FakeTrainer(epochs, out=out, log_every=1, callbacks=callbacks)
    trainer.fit(Model(), Data(), resume=resume)
    return trainer.history


def _read(path):
    """The rows of a CSV file without what differs from run to run."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return [{**row, "seconds": None, "images_per_second": None} for row in rows]


@pytest.fixture
def whole(tmp_path):
    """The CSV file of a run that was not interrupted."""
    _fit(tmp_path / "whole", CSVLogger(tmp_path / "whole.csv"))
    return _read(tmp_path / "whole.csv")


def test_a_csv_file_has_the_numbers_of_the_record(tmp_path):
    history = _fit(tmp_path / "run", CSVLogger(tmp_path / "run/log.csv"))
    with (tmp_path / "run/log.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    logged = [row for row in history if row["kind"] in ("interval", "epoch")]
    assert [{key: cell for key, cell in row.items() if cell} for row in rows] == [
        {key: str(value) for key, value in row.items()} for row in logged
    ]


def _as_it_is(text):
    return text


def _later_rows(text):
    return text + "interval,3,1.5,9\nepoch,4,2,,,,9\ninterv"


def _without_the_last_rows(text):
    return "".join(text.splitlines(True)[:-2])


def _not_there(text):
    return None


@pytest.mark.parametrize("edit", [_as_it_is, _later_rows, _without_the_last_rows, _not_there])
def test_a_resumed_run_has_each_row_once(tmp_path, whole, edit):
    path = tmp_path / "log.csv"
    _fit(tmp_path / "run", CSVLogger(path), epochs=1)
    text = edit(path.read_text())
    path.unlink() if text is None else path.write_text(text)
    _fit(tmp_path / "run", CSVLogger(path), resume=True)
    assert _read(path) == whole


@pytest.mark.parametrize("resume", [False, True])
def test_a_file_of_others_is_refused_before_the_run_writes_anything(tmp_path, resume):
    (tmp_path / "log.csv").write_text("a,b\n")
    if resume:
        _fit(tmp_path / "run", epochs=1)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ConfigError, match="log.csv: must "):
        _fit(tmp_path / "run", CSVLogger(tmp_path / "log.csv"), resume=resume)
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "log.csv").read_text() == "a,b\n"


@pytest.mark.parametrize("path", ["none/file/log.csv", "."])
def test_a_path_that_cannot_be_a_file_is_refused(tmp_path, path):
    (tmp_path / "none").mkdir()
    (tmp_path / "none/file").touch()
    with pytest.raises(ConfigError, match="must "):
        _fit(tmp_path / "run", CSVLogger(tmp_path / path))
    assert not (tmp_path / "run").exists()


class _Writer:
    """A stand-in for tensorboardX's."""

    calls: ClassVar = []

    def __init__(self, folder, purge_step):
        self.calls.append(("open", purge_step))

    def add_scalar(self, name, value, step):
        self.calls.append((name, step))

    def flush(self):
        pass

    def close(self):
        self.calls.append("close")


@pytest.fixture
def board(monkeypatch):
    """What tensorboardX was told."""
    module = ModuleType("tensorboardX")
    module.SummaryWriter = _Writer
    monkeypatch.setitem(sys.modules, "tensorboardX", module)
    monkeypatch.setattr(_Writer, "calls", [])
    return _Writer.calls


_INTERVAL = [f"interval/{key}" for key in ("loss", "accuracy", "learning_rate")]
_EPOCH = [f"epoch/{key}" for key in ("train_loss", "train_accuracy", "val_loss", "val_accuracy")]


def _scalars(calls):
    return [call for call in calls if call[0] not in ("open", "c") and "sec" not in call[0]]


def test_tensorboard_gets_the_numbers_of_every_row(tmp_path, board):
    _fit(tmp_path / "run", TensorBoardLogger(tmp_path / "board"), epochs=1)
    assert (board[0], board[-1]) == (("open", None), "close")
    assert _scalars(board) == [
        *((name, 1) for name in _INTERVAL), *((name, 2) for name in _INTERVAL),
        *((name, 2) for name in _EPOCH),
    ]  # fmt: skip


def test_tensorboard_continues_a_resumed_run_at_its_checkpoint(tmp_path, board):
    _fit(tmp_path / "run", TensorBoardLogger(tmp_path / "board"), epochs=1)
    board.clear()
    _fit(tmp_path / "run", TensorBoardLogger(tmp_path / "board"), resume=True)
    assert board[0] == ("open", 2)
    assert {step for _, step in _scalars(board)} == {2, 3, 4}


def test_tensorboard_needs_a_folder_of_its_own(tmp_path, board):
    (tmp_path / "events").touch()
    with pytest.raises(ConfigError, match="must be a new or an empty folder"):
        _fit(tmp_path / "run", TensorBoardLogger(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["events"]


def test_a_missing_tensorboard_is_one_hint(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(BackendError, match=r"needs the package tensorboardX; .*\[tensorboard\]"):
        TensorBoardLogger(tmp_path)


def test_tensorboardx_writes_what_tensorboard_reads(tmp_path):
    pytest.importorskip("tensorboardX")
    _fit(tmp_path / "run", TensorBoardLogger(tmp_path / "board"))
    (file,) = (tmp_path / "board").iterdir()
    assert b"epoch/val_accuracy" in file.read_bytes()
