"""The record of a run: one JSON object per line, and how to read it back."""

import fcntl
import json
import os
from pathlib import Path
from typing import Any

from common.errors import ConfigError, DataError

Row = dict[str, Any]
"""One line: `kind` is start, interval, epoch or end; the other keys follow from it."""


class RecordFile:
    """Appends rows to `record.jsonl`; a resumed run first cuts it back to its checkpoint.

    The file stays locked until it is closed. Raises `ConfigError` when another process holds it
    or it is shorter than `offset` bytes.
    """

    def __init__(self, path: Path, offset: int = 0) -> None:
        self._file = path.open("ab")
        try:
            self._begin(path, offset)
        except ConfigError:
            self._file.close()
            raise

    def _begin(self, path: Path, offset: int) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConfigError(
                f"{path}: must not be in use; got one that another process is writing"
            ) from error
        length = self._file.seek(0, os.SEEK_END)
        if length < offset:
            raise ConfigError(
                f"{path}: must be as long as its checkpoint says; got {length} bytes, not {offset}"
            )
        self._file.truncate(offset)

    @property
    def offset(self) -> int:
        """Bytes written so far, all of them on disk when this returns."""
        self._file.flush()
        os.fsync(self._file.fileno())
        return self._file.tell()

    def write(self, row: Row) -> None:
        """Append one row; readers see it at once."""
        self._file.write(json.dumps(row, allow_nan=False).encode() + b"\n")
        self._file.flush()

    def close(self) -> None:
        """Finish the file."""
        self._file.close()


def read_record(path: str | Path) -> list[Row]:
    """All rows of a record. Raises `DataError` naming the file and the line.

    A last line without its line feed is still being written and is left out.
    """
    try:
        lines = Path(path).read_bytes().split(b"\n")[:-1]
    except OSError as error:
        raise DataError(f"{path}: must be a training record; got {error}") from error
    rows = []
    for number, line in enumerate(lines, 1):
        try:
            rows.append(json.loads(line))
        except ValueError as error:
            raise DataError(f"{path}, line {number}: must be a JSON object; got {error}") from error
    return rows


def best_epoch(rows: list[Row]) -> Row | None:
    """The first row of an epoch with the highest validation accuracy; none before the first."""
    epochs = [row for row in rows if row["kind"] == "epoch"]
    return max(epochs, key=lambda row: float(row["val_accuracy"]), default=None)
