"""What is told of a run: callbacks, a progress bar, and the rows in memory."""

import inspect
from typing import Any, Protocol

from common.errors import ConfigError, shortened
from common.training.config import TrainConfig
from common.training.rows import EPOCH, INTERVAL, START, Row


class Observer(Protocol):
    """The hooks of a `Callback` that the training loop itself calls."""

    def on_step(self, step: int) -> None:
        """Called when `step` steps have been dispatched since the run began."""

    def on_log(self, row: Row) -> None:
        """Called with each new row of the record."""

    def close(self) -> None:
        """Called once when the run ends, after an error too."""


class Callback:
    """Base class of callbacks: override the hooks you need, the others do nothing.

    Give instances to `Trainer(callbacks=[...])`. They are called in their order, and after
    everything of the trainer's own: when a callback gets a row, the row is in the record, and that
    of an epoch in a checkpoint, too. An error of a hook ends `fit` and is raised unchanged; it
    loses no training, as a run with a directory can be continued with `fit(..., resume=True)`.
    """

    def on_begin(self, config: TrainConfig, resume: bool) -> None:
        """Called first, before a run with these settings writes anything.

        An error raised here leaves no run directory behind. `resume` is as in `Trainer.fit`.
        """

    def on_resume(self, rows: list[Row]) -> None:
        """Called when a run is resumed, with the rows of its record up to the checkpoint.

        What came after them is trained again, with the same results: discard what you have of it.
        """

    def on_log(self, row: Row) -> None:
        """Called with each new row of the record; `row["kind"]` says which it is.

        `start` rows have the data and the framework, `interval` rows training loss and accuracy,
        `epoch` rows also those of the validation, and the `end` row all metrics.
        """

    def on_step(self, step: int) -> None:
        """Called when `step` steps have been dispatched since the run began.

        The step may still be computed. An error raised here loses the steps since the last
        checkpoint: a resumed run repeats them.
        """

    def close(self) -> None:
        """Called once when the run ends, after an error too, unless `on_begin` has failed."""


_HOOKS = tuple(name for name in vars(Callback) if not name.startswith("_"))


def check_callbacks(callbacks: Any) -> tuple[Callback, ...]:
    """The callbacks as a tuple.

    Raises `ConfigError` unless all are instances of `Callback`. Their methods whose names begin
    with `on_` must be hooks: others, such as Keras's `on_epoch_end`, would never be called.
    """
    given = tuple(callbacks) if isinstance(callbacks, list | tuple) else None
    if given is None or not all(isinstance(one, Callback) for one in given):
        raise ConfigError(
            "callbacks: must be a list of instances of Callback; got "
            f"{shortened(callbacks)}; derive your class from Callback"
        )
    for callback in given:
        methods = inspect.getmembers(type(callback), inspect.isfunction)
        for name, _ in methods:
            if name.startswith("on_") and name not in _HOOKS:
                raise ConfigError(
                    f"callbacks: hooks are {', '.join(_HOOKS)}; got {shortened(name)} in "
                    f"{shortened(type(callback).__name__)}; rename it"
                )
    return given


class History(Callback):
    """Appends each row to a list."""

    def __init__(self, rows: list[Row]) -> None:
        self._rows = rows

    def on_log(self, row: Row) -> None:
        """Append the row."""
        self._rows.append(row)


class ProgressBar(Callback):
    """A bar with loss, accuracy, images per second and remaining time, and a line per epoch.

    Both are written to the standard error stream.
    """

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self._console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("epoch {task.fields[epoch]}"),
            BarColumn(),
            TextColumn("{task.fields[status]}"),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
        )
        self._task = self._progress.add_task("", total=None, epoch="", status="")
        self._epochs = 0

    def on_step(self, step: int) -> None:
        """Advance the bar."""
        self._progress.update(self._task, completed=step)

    def on_log(self, row: Row) -> None:
        """Show the numbers of the row."""
        if row["kind"] == START:
            self._start(row)
        elif row["kind"] == INTERVAL:
            status = (
                f"loss {row['loss']:.3f}  accuracy {row['accuracy']:.3f}  "
                f"{row['images_per_second']:.0f} images/s"
            )
            epoch = f"{int(row['epoch']) + 1}/{self._epochs}"
            self._progress.update(self._task, status=status, epoch=epoch)
        elif row["kind"] == EPOCH:
            self._print(
                f"epoch {row['epoch']}/{self._epochs}  "
                f"train loss {row['train_loss']:.4f} accuracy {row['train_accuracy']:.4f}  "
                f"validation loss {row['val_loss']:.4f} accuracy {row['val_accuracy']:.4f}  "
                f"{row['images_per_second']:.0f} images/s"
            )

    def close(self) -> None:
        """Remove the bar; the lines of the epochs stay."""
        self._progress.stop()

    def _start(self, row: Row) -> None:
        self._epochs = row["epochs"]
        total = self._epochs * row["steps_per_epoch"]
        self._progress.update(self._task, total=total, completed=row["step"])
        self._progress.start()

    def _print(self, line: str) -> None:
        self._console.print(line, highlight=False, soft_wrap=True)
