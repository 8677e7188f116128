"""Observers of a run: their protocol, a progress bar, and the rows in memory."""

from typing import Protocol

from common.training.rows import EPOCH, INTERVAL, START, Row


class Callback(Protocol):
    """Told of each training step when it is dispatched, and of each row of the record."""

    def on_step(self, step: int) -> None:
        """Called when `step` steps have been dispatched since the run began."""

    def on_log(self, row: Row) -> None:
        """Called with each new row of the record."""

    def close(self) -> None:
        """Called once when the run ends, after an error too."""


class History:
    """Appends each row to a list."""

    def __init__(self, rows: list[Row]) -> None:
        self._rows = rows

    def on_step(self, step: int) -> None:
        """Do nothing: single steps are not in the record."""

    def on_log(self, row: Row) -> None:
        """Append the row."""
        self._rows.append(row)

    def close(self) -> None:
        """Do nothing: the rows stay."""


class ProgressBar:
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
