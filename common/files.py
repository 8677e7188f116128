"""Atomic writes, and reads whose errors name the file."""

import json
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, Final

from common.errors import AnyNetError, ConfigError, DataError, shortened, told

PRODUCER: Final = "anynet"
"""The name with which files are marked as written by this project."""

_TEMPORARY = ".anynet"
"""Follows the target's name in the name of its temporary file."""

_SHOWN: Final = 50
"""Characters of the target's name that are kept: file systems limit names to 255 bytes."""


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it is synced and renamed to `path`.

    When the body raises, `path` is unchanged and the temporary file is removed, as are temporary
    files that killed processes left of earlier writes to `path`. Raises `ConfigError` if `path` is
    a folder, a device or a pipe: renaming would replace it.
    """
    target = Path(path)
    if target.exists() and not target.is_file():
        kind = "folder" if target.is_dir() else "device or pipe"
        raise ConfigError(
            f"{target}: must be a regular file or not exist; got a {kind}; name another file"
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(target.parent, [target.name])
    handle, name = tempfile.mkstemp(
        prefix=f".{target.name[:_SHOWN]}.", suffix=f"{_TEMPORARY}{target.suffix}", dir=target.parent
    )
    temporary = Path(name)
    try:
        try_lock(handle)  # marks the file as that of a live process, for `_is_dead`
        yield temporary
        temporary.chmod(0o666 & ~_umask())
        _sync(temporary)
        temporary.replace(target)
        _sync(target.parent)
    finally:
        temporary.unlink(missing_ok=True)
        os.close(handle)


@contextmanager
def reading(
    path: object, what: str, error: type[AnyNetError] = DataError, remedy: str = ""
) -> Iterator[None]:
    """Convert any exception of the body, such as a parser's, into an `error` that names `path`.

    `what` says what the file must be, such as "an npz file of arrays". An `error` is not changed;
    the message of any other error of this project is prefixed with the path.
    """
    try:
        yield
    except error:
        raise
    except AnyNetError as known:
        raise error(f"{path}: {known}") from known
    except Exception as cause:
        reason = told(cause)
        raise error(f"{path}: must be {what}; got {reason}{remedy and f'; {remedy}'}") from cause


MAX_TEXT = 1 << 20
"""Default size limit of a JSON or text file in bytes."""


def open_regular(path: str | Path) -> BinaryIO:
    """Open a regular file for reading bytes.

    Raises `OSError` for anything else: reading a pipe or a device might never end.
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError("no regular file")
    return os.fdopen(descriptor, "rb")


def read_bytes(
    path: str | Path,
    what: str,
    error: type[AnyNetError] = DataError,
    remedy: str = "",
    max_bytes: int = MAX_TEXT,
) -> bytes:
    """The content of a regular file of at most `max_bytes`. Raises `error` as `reading` does."""
    with reading(path, what, error, remedy), open_regular(path) as file:
        if (size := os.fstat(file.fileno()).st_size) > max_bytes:
            raise ValueError(f"{size:,} bytes, which is more than {max_bytes:,}")
        return file.read(max_bytes)


def read_text(
    path: str | Path,
    what: str,
    error: type[AnyNetError] = DataError,
    remedy: str = "",
    max_bytes: int = MAX_TEXT,
) -> str:
    """The content of a UTF-8 file. Raises `error` as `read_bytes` does."""
    content = read_bytes(path, what, error, remedy, max_bytes)
    with reading(path, what, error, remedy):
        return content.decode()


def read_json(
    path: str | Path,
    what: str,
    error: type[AnyNetError] = DataError,
    remedy: str = "",
    max_bytes: int = MAX_TEXT,
) -> Any:
    """The value in a JSON file. Raises `error` as `read_bytes` does."""
    content = read_bytes(path, what, error, remedy, max_bytes)
    with reading(path, what, error, remedy):
        return json.loads(content)


def check_new_folder(path: Path) -> None:
    """Raise `ConfigError` unless `path` does not exist or is an empty folder."""
    check_writable(path)
    if path.is_symlink():
        raise ConfigError(f"{path}: must be a new or an empty folder; got a link")
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise ConfigError(f"{path}: must be a new or an empty folder; got one with files in it")


@contextmanager
def new_folder(path: str | Path) -> Iterator[Path]:
    """Yield a temporary folder beside `path`; on success it is synced and renamed to `path`.

    When the body raises, nothing is left. Raises `ConfigError` if `path` exists and is not an empty
    folder: a folder cannot be replaced atomically.
    """
    check_new_folder(Path(path))
    target = Path(path).absolute()
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        yield temporary
        temporary.chmod(0o777 & ~_umask())
        for part in (*temporary.rglob("*"), temporary):
            _sync(part)
        temporary.replace(target)
        _sync(target.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_bytes(path: str | Path, data: bytes) -> None:
    """Write `data` to `path` atomically."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def write_text(path: str | Path, text: str) -> None:
    """Write `text` to `path` in UTF-8, atomically."""
    write_bytes(path, text.encode())


def check_writable(path: Path) -> None:
    """Raise `ConfigError` unless a file or folder can be created at `path`, with its parents."""
    if path.is_symlink() and not path.exists():
        raise ConfigError(f"{path}: must be writable; got a broken link; remove it")
    parent = next(folder for folder in path.absolute().parents if os.path.lexists(folder))
    if not parent.is_dir():
        raise ConfigError(f"{path}: must be in a folder; got {parent}, which is not a folder")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise ConfigError(f"{path}: must be in a writable folder; got {parent}")


def check_format(
    found: object, newest: int, where: str, error: type[AnyNetError] = DataError
) -> None:
    """Raise `error` unless `found` is a format version that this release reads: 1 to `newest`."""
    if type(found) is int and 1 <= found <= newest:
        return
    formats = "1" if newest == 1 else f"1 to {newest}"
    remedy = "; a newer release reads it" if type(found) is int and found > newest else ""
    raise error(f"{where}: must be of format {formats}; got {shortened(found)}{remedy}")


def remove_leftovers(folder: Path, names: Iterable[str]) -> None:
    """Remove what `leftovers` finds."""
    for path in leftovers(folder, names):
        path.unlink(missing_ok=True)


def leftovers(folder: Path, names: Iterable[str]) -> list[Path]:
    """Temporary files that killed processes left in `folder`, of writes to files of these names."""
    patterns = ((name[:_SHOWN], f"{_TEMPORARY}{Path(name).suffix}") for name in names)
    pattern = re.compile(
        "|".join(rf"\.{re.escape(a)}\.[a-z0-9_]{{8}}{re.escape(b)}" for a, b in patterns)
    )
    return [path for path in folder.iterdir() if pattern.fullmatch(path.name) and _is_dead(path)]


def _is_dead(path: Path) -> bool:
    """Whether the process that wrote a temporary file has ended: it holds a lock while it lives."""
    with suppress(OSError), path.open("rb") as file:
        return try_lock(file.fileno()) is True
    return False


def try_lock(descriptor: int, wait: bool = False) -> bool | None:
    """Lock an open file until it is closed. True on success, False if another process holds it.

    With `wait`, block until it is free. None if the file system has no locks, as some network file
    systems.
    """
    try:
        from filelock import lock_descriptor

        return lock_descriptor(descriptor, blocking=wait)
    except OSError:
        return None


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
