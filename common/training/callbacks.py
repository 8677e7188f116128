"""What watches a run: a progress bar for people, and a protocol for anything else."""

from typing import Protocol

from common.training.records import Row


class Callback(Protocol):
    """Told of every step as it is sent off, and of every row of the record."""

    def on_step(self, step: int) -> None:
        """`step` steps have been sent to the device since the run began."""

    def on_log(self, row: Row) -> None:
        """A row was added to the record."""

    def close(self) -> None:
        """The run is over, well or not."""


class ProgressBar:
    """A bar with loss, accuracy, images per second and time left; a line per epoch."""

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
        """Move the bar."""
        self._progress.update(self._task, completed=step)

    def on_log(self, row: Row) -> None:
        """Show the newest numbers."""
        if row["kind"] == "start":
            self._epochs = row["epochs"]
            total = self._epochs * row["steps_per_epoch"]
            self._progress.update(self._task, total=total, completed=row["step"])
            self._progress.start()
        elif row["kind"] == "interval":
            status = (
                f"loss {row['loss']:.3f}  accuracy {row['accuracy']:.3f}  "
                f"{row['images_per_second']:.0f} images/s"
            )
            epoch = f"{int(row['epoch']) + 1}/{self._epochs}"
            self._progress.update(self._task, status=status, epoch=epoch)
        elif row["kind"] == "epoch":
            self._console.print(
                f"epoch {row['epoch']}/{self._epochs}  "
                f"train loss {row['train_loss']:.4f} accuracy {row['train_accuracy']:.4f}  "
                f"validation loss {row['val_loss']:.4f} accuracy {row['val_accuracy']:.4f}  "
                f"{row['images_per_second']:.0f} images/s",
                highlight=False,
                soft_wrap=True,
            )

    def close(self) -> None:
        """Remove the bar; the lines stay."""
        self._progress.stop()
