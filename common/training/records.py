"""`record.jsonl`: one JSON object per line, written during a run."""

import json
import math
import os
from pathlib import Path
from typing import Final

import xxhash

from common.errors import ConfigError, DataError
from common.files import check_format, read_bytes, reading, try_lock
from common.training.rows import EPOCH, FORMAT, INTERVAL, Row

_NUMBERS: Final = {
    INTERVAL: ("step", "epoch", "loss", "accuracy"),
    EPOCH: ("step", "epoch", "train_loss", "train_accuracy", "val_loss", "val_accuracy"),
}
"""Keys whose values must be finite numbers, for curves and comparisons, by the row's kind."""

_MAX_BYTES: Final = 1 << 28


class RecordFile:
    """Appends rows to `record.jsonl`, which it locks until it is closed.

    A resumed run opens the file at its checkpoint: the first `offset` bytes must have the XXH3-128
    `digest` (`None` for a checkpoint of version 0.1). `rows` holds the rows in these bytes; `cut`
    then removes what follows them. Raises `ConfigError` if the file is in use, too short or has
    another digest, and `DataError` for a line that is not a row.
    """

    def __init__(self, path: Path, offset: int = 0, digest: str | None = None) -> None:
        if path.exists() and not path.is_file():
            raise ConfigError(f"{path}: must be the record of a run; got no regular file")
        try:
            self._file = path.open("r+b" if offset else "a+b")
        except FileNotFoundError as error:
            raise ConfigError(f"{path}: must exist to be resumed; got no such file") from error
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
        return _parsed(content, path)

    def cut(self) -> None:
        """Remove everything after the checkpoint's offset."""
        self._file.truncate(self._offset)
        self._file.seek(self._offset)

    @property
    def digest(self) -> str:
        """XXH3-128 of the bytes up to `offset`."""
        return self._digest.hexdigest()

    @property
    def offset(self) -> int:
        """Length in bytes; reading it also flushes all rows to disk."""
        self._file.flush()
        os.fsync(self._file.fileno())
        return self._file.tell()

    def write(self, row: Row) -> None:
        """Append one row, visible to readers at once."""
        line = json.dumps(row, allow_nan=False).encode() + b"\n"
        self._file.write(line)
        self._file.flush()
        self._digest.update(line)

    def close(self) -> None:
        """Close the file and release its lock."""
        self._file.close()


def read_record(path: str | Path) -> list[Row]:
    """All rows of a record. Raises `DataError` naming the file and the line.

    A last line without a line feed is still being written, and is ignored.
    """
    return _parsed(read_bytes(path, "a training record", max_bytes=_MAX_BYTES), path)


def _parsed(content: bytes, path: str | Path) -> list[Row]:
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
