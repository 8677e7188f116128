"""Callbacks that write the rows of a run for other programs: CSV and TensorBoard."""

import csv
import io
import math
from pathlib import Path
from typing import Any, Final

from common.errors import BackendError, ConfigError, told
from common.files import check_new_folder, check_writable, open_regular, write_text
from common.installs import how_to_install
from common.training.callbacks import Callback
from common.training.config import TrainConfig
from common.training.rows import EPOCH, INTERVAL, START, Row

COLUMNS: Final = (
    "kind", "step", "epoch", "loss", "accuracy", "learning_rate", "train_loss", "train_accuracy",
    "val_loss", "val_accuracy", "seconds", "images_per_second",
)  # fmt: skip
"""Head of the CSV file: the keys of `interval` and `epoch` rows."""

_HEAD: Final = ",".join(COLUMNS) + "\n"

_LOGGED: Final = (INTERVAL, EPOCH)


class CSVLogger(Callback):
    """Writes the `interval` and `epoch` rows of a run to a CSV file with the head `COLUMNS`.

    Cells that a kind of row does not have are empty. Each line is written at once. A resumed run
    continues the file: lines after its checkpoint are removed, missing ones are added.

    - `path`: the file. A new run needs one that does not exist, and a resumed run its own or none;
      `fit` raises `ConfigError` for others.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path).absolute()

    def on_begin(self, config: TrainConfig, resume: bool) -> None:
        """Raise `ConfigError` if the file cannot be written, or is not this run's."""
        check_writable(self._path)
        if not self._path.exists():
            return
        if not resume:
            raise ConfigError(
                f"{self._path}: must not exist yet for the log of a new run; got a file; "
                "name another one"
            )
        if not self._is_log():
            raise ConfigError(
                f"{self._path}: must be the CSV log of the run; got another file; move it away"
            )

    def on_resume(self, rows: list[Row]) -> None:
        """Write the file again with the rows up to the checkpoint."""
        write_text(self._path, _HEAD + "".join(map(_line, rows)))

    def on_log(self, row: Row) -> None:
        """Append the row."""
        if row["kind"] == START and not self._path.exists():
            write_text(self._path, _HEAD)
        elif line := _line(row):
            with self._path.open("a") as file:
                file.write(line)

    def _is_log(self) -> bool:
        try:
            with open_regular(self._path) as file:
                return file.read(len(_HEAD)) == _HEAD.encode()
        except OSError:
            return False


class TensorBoardLogger(Callback):
    """Writes the `interval` and `epoch` rows of a run as scalars for TensorBoard.

    Their names are `interval/loss`, `epoch/val_accuracy` and so on. Each row is written at once. Of
    a resumed run, TensorBoard hides what came after the checkpoint. Raises `BackendError` if the
    package tensorboardX is not installed.

    - `folder`: a new or empty folder for the event files of one run; `fit` raises `ConfigError` for
      others, unless it resumes.
    """

    def __init__(self, folder: str | Path) -> None:
        try:
            import tensorboardX  # noqa: F401
        except ImportError as error:
            raise BackendError(
                f"tensorboard: needs the package tensorboardX; got {told(error)}; "
                f"{how_to_install('tensorboard')}"
            ) from error
        self._folder = Path(folder).absolute()
        self._writer: Any = None

    def on_begin(self, config: TrainConfig, resume: bool) -> None:
        """Raise `ConfigError` if the folder cannot be written, or is not empty for a new run."""
        check_writable(self._folder)
        if not resume:
            check_new_folder(self._folder)

    def on_resume(self, rows: list[Row]) -> None:
        """Continue at the checkpoint; the rows of its step are written again."""
        step = rows[-1]["step"] if rows else 0
        self._open(purge_step=step)
        for row in rows:
            if row["step"] == step:
                self._add(row)

    def on_log(self, row: Row) -> None:
        """Write the row's numbers."""
        if row["kind"] == START and self._writer is None:
            self._open()
        self._add(row)

    def close(self) -> None:
        """Close the file."""
        if self._writer is not None:
            self._writer.close()

    def _open(self, purge_step: int | None = None) -> None:
        from tensorboardX import SummaryWriter

        self._writer = SummaryWriter(str(self._folder), purge_step=purge_step)

    def _add(self, row: Row) -> None:
        if row["kind"] not in _LOGGED:
            return
        for key, value in row.items():
            if key in COLUMNS[3:] and value is not None and math.isfinite(value):
                self._writer.add_scalar(f"{row['kind']}/{key}", value, row["step"])
        self._writer.flush()


def _line(row: Row) -> str:
    """A row as a line of CSV; empty for kinds that are not logged."""
    if row["kind"] not in _LOGGED:
        return ""
    text = io.StringIO()
    csv.DictWriter(text, COLUMNS, extrasaction="ignore", lineterminator="\n").writerow(row)
    return text.getvalue()
