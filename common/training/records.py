"""The record of a run: one JSON object per line, and how to read it back."""

import json
import math
import os
from pathlib import Path
from typing import Any

import xxhash

from common.errors import ConfigError, DataError
from common.files import check_format, read_bytes, reading, try_lock

FORMAT = 1
"""Of the records that are written, in their first row; those of version 0.1 have none."""

_NUMBERS = {
    "interval": ("step", "epoch", "loss"),
    "epoch": ("step", "epoch", "val_loss", "val_accuracy"),
}
"""What curves and comparisons need of a row, by its kind."""

_MAX_BYTES = 1 << 28

Row = dict[str, Any]
"""One line: `kind` is start, interval, epoch or end; the other keys follow from it."""


class RecordFile:
    """Appends rows to `record.jsonl`; a resumed run first cuts it back to its checkpoint.

    `rows` are those within the first `offset` bytes, whose digest must be `digest`. The file stays
    locked until it is closed. Raises `ConfigError` when another process holds it or it does not
    begin as its checkpoint says, `DataError` for a row that is none.
    """

    def __init__(self, path: Path, offset: int = 0, digest: str | None = None) -> None:
        if path.exists() and not path.is_file():
            raise ConfigError(f"{path}: must be the record of a run; got no regular file")
        try:
            self._file = path.open("r+b" if offset else "a+b")
        except FileNotFoundError as error:
            raise ConfigError(f"{path}: must be there to go on; got no such file") from error
        self._offset, self._digest = offset, xxhash.xxh3_128()
        try:
            self.rows = self._begin(path, offset, digest)
        except (ConfigError, DataError):
            self._file.close()
            raise

    def _begin(self, path: Path, offset: int, digest: str | None) -> list[Row]:
        if try_lock(self._file.fileno()) is False:
            raise ConfigError(
                f"{path}: must not be in use; got one that another process is writing"
            )
        length = self._file.seek(0, os.SEEK_END)
        if length < offset:
            raise ConfigError(
                f"{path}: must be as long as its checkpoint says; got {length} bytes, not {offset}"
            )
        self._file.seek(0)
        content = self._file.read(offset)
        self._digest.update(content)
        if digest not in (None, self.digest):
            raise ConfigError(
                f"{path}: must be as the run wrote it up to its checkpoint, byte {offset}; got "
                "other rows; undo the edit, or take the file from a copy"
            )
        return _rows(content, path)

    def cut(self) -> None:
        """Drop what comes after the checkpoint."""
        self._file.truncate(self._offset)
        self._file.seek(self._offset)

    @property
    def digest(self) -> str:
        """XXH3-128 of all bytes that count."""
        return self._digest.hexdigest()

    @property
    def offset(self) -> int:
        """Bytes written so far, all of them on disk when this returns."""
        self._file.flush()
        os.fsync(self._file.fileno())
        return self._file.tell()

    def write(self, row: Row) -> None:
        """Append one row; readers see it at once."""
        line = json.dumps(row, allow_nan=False).encode() + b"\n"
        self._file.write(line)
        self._file.flush()
        self._digest.update(line)

    def close(self) -> None:
        """Finish the file."""
        self._file.close()


def read_record(path: str | Path) -> list[Row]:
    """All rows of a record. Raises `DataError` naming the file and the line.

    A last line without its line feed is still being written and is left out.
    """
    return _rows(read_bytes(path, "a training record", max_bytes=_MAX_BYTES), path)


def _rows(content: bytes, path: str | Path) -> list[Row]:
    rows: list[Row] = []
    for number, line in enumerate(content.split(b"\n")[:-1], 1):
        where = f"{path}, line {number}"
        with reading(where, "a JSON object of a record"):
            row = json.loads(line)
            if "format" in row:
                check_format(row["format"], FORMAT, where)
            wrong = [key for key in _NUMBERS.get(row["kind"], ()) if not _is_number(row[key])]
            if wrong:
                raise ValueError(f"no number as {', '.join(wrong)}")
            rows.append(row)
    return rows


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and math.isfinite(value)  # type: ignore[arg-type]


def best_epoch(rows: list[Row]) -> Row | None:
    """The first row of an epoch with the highest validation accuracy; none before the first."""
    epochs = [row for row in rows if row["kind"] == "epoch"]
    return max(epochs, key=lambda row: float(row["val_accuracy"]), default=None)
