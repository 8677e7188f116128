"""Callbacks of users: when they are called, and that their errors lose no training."""

import pytest

from common.errors import ConfigError
from common.training import Callback, read_record
from common.training.checkpoint import load_checkpoint
from tests.common.training.fakes import Data, FakeTrainer, Model


def _fit(out=None, epochs=2, resume=False, **settings):
    trainer = FakeTrainer(epochs, out=out, log_every=1, **settings)
    trainer.fit(Model(), Data(), resume=resume)
    return trainer


def _told(rows):
    """The rows without what differs from run to run."""
    times = ("seconds", "images_per_second")
    return [{key: row[key] for key in row if key not in times} for row in rows]


class _Diary(Callback):
    """Notes what it is told."""

    def __init__(self):
        self.told = []

    def on_begin(self, config, resume):
        self.told.append(("begin", config.epochs, resume))

    def on_resume(self, rows):
        self.told.append(("resume", [row["kind"] for row in rows]))

    def on_log(self, row):
        self.told.append(("log", row["kind"]))

    def on_step(self, step):
        self.told.append(("step", step))

    def close(self):
        self.told.append(("close",))


class _Fails(Callback):
    """Raises an error when it gets a row of one kind at one step, or when it is told of the step.

    `before` is what was on disk then.
    """

    def __init__(self, kind, step=2, out=None):
        self._when, self._out = (kind, step), out

    def on_log(self, row):
        if (row["kind"], row.get("step", 2)) == self._when:
            self.record = read_record(self._out / "record.jsonl")
            self.files = {path.name for path in self._out.iterdir()}
            raise ZeroDivisionError("mine")

    def on_step(self, step):
        if ("step", step) == self._when:
            raise ZeroDivisionError("mine")


def test_hooks_are_called_in_the_order_of_the_run():
    diary = _Diary()
    _fit(epochs=1, callbacks=[diary])
    assert diary.told == [
        ("begin", 1, False), ("log", "start"), ("step", 1), ("log", "interval"), ("step", 2),
        ("log", "interval"), ("log", "epoch"), ("log", "end"), ("close",),
    ]  # fmt: skip


def test_a_resumed_run_tells_the_rows_up_to_its_checkpoint(tmp_path):
    _fit(tmp_path, epochs=1)
    diary = _Diary()
    _fit(tmp_path, resume=True, callbacks=[diary])
    assert diary.told[:3] == [
        ("begin", 2, True), ("resume", ["start", "interval", "interval", "epoch"]),
        ("log", "start"),
    ]  # fmt: skip


def test_the_base_class_changes_nothing():
    assert _told(_fit(callbacks=[Callback()]).history) == _told(_fit().history)


@pytest.mark.parametrize(("kind", "step"), [
    ("start", 0), ("interval", 1), ("interval", 2), ("epoch", 2), ("end", 2), ("step", 1),
])  # fmt: skip
def test_an_error_is_raised_as_it_is_and_the_run_can_be_resumed(tmp_path, kind, step):
    with pytest.raises(ZeroDivisionError, match="^mine$"):
        _fit(tmp_path, epochs=1, callbacks=[_Fails(kind, step, tmp_path)])
    resumed = _fit(tmp_path, resume=True)
    rows = read_record(tmp_path / "record.jsonl")
    epochs = [row for row in _told(rows) if row["kind"] == "epoch"]
    assert epochs == [row for row in _told(_fit().history) if row["kind"] == "epoch"]
    assert resumed.learner.steps == 4


@pytest.mark.parametrize(("kind", "step"), [("interval", 1), ("interval", 2), ("epoch", 2)])
def test_an_error_loses_no_step(tmp_path, kind, step):
    with pytest.raises(ZeroDivisionError):
        _fit(tmp_path, callbacks=[_Fails(kind, step, tmp_path)])
    _, _, position = load_checkpoint(tmp_path / "checkpoint.safetensors")
    assert position.progress.step == step


@pytest.mark.parametrize(("kind", "files"), [
    ("epoch", {"checkpoint.safetensors", "best.safetensors"}),
    ("end", {"checkpoint.safetensors", "best.safetensors", "model.safetensors", "curves.png"}),
])  # fmt: skip
def test_what_is_finished_is_written_before_a_callback_is_told(tmp_path, kind, files):
    callback = _Fails(kind, 2, tmp_path)
    with pytest.raises(ZeroDivisionError):
        _fit(tmp_path, epochs=1, callbacks=[callback])
    assert callback.record[-1]["kind"] == kind
    assert files <= callback.files


def test_an_error_at_the_beginning_leaves_no_run(tmp_path):
    class Refuses(_Diary):
        def on_begin(self, config, resume):
            raise ZeroDivisionError("mine")

    callbacks = [_Diary(), Refuses()]
    with pytest.raises(ZeroDivisionError):
        _fit(tmp_path / "run", callbacks=callbacks)
    assert not (tmp_path / "run").exists()
    assert (callbacks[0].told[-1], callbacks[1].told) == (("close",), [])


def test_all_callbacks_are_closed_when_the_end_of_one_fails(tmp_path):
    class Breaks(Callback):
        def close(self):
            raise ZeroDivisionError("mine")

    diary = _Diary()
    with pytest.raises(ZeroDivisionError):
        _fit(tmp_path, callbacks=[diary, Breaks()])
    assert diary.told[-1] == ("close",)
    assert read_record(tmp_path / "record.jsonl")[-1]["kind"] == "end"


class _OfKeras(Callback):
    def on_epoch_end(self, epoch):
        raise AssertionError


@pytest.mark.parametrize(("given", "message"), [
    (Callback, "must be a list of instances of Callback; got <class"),
    (Callback(), "must be a list of instances of Callback; got <common"),
    ([Callback], "must be a list of instances of Callback"),
    ([print], "must be a list of instances of Callback"),
    ([_OfKeras()], "hooks are on_begin, on_resume, on_log, on_step, close; got on_epoch_end in"),
])  # fmt: skip
def test_what_would_never_be_called_is_refused(given, message):
    with pytest.raises(ConfigError, match=f"callbacks: {message}"):
        FakeTrainer(callbacks=given)


def test_resuming_needs_the_directory_of_the_run():
    with pytest.raises(ConfigError, match="resume: needs the directory of the run"):
        _fit(resume=True)
