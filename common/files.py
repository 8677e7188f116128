"""Files: written so that a reader sees old bytes or new ones, read through one door for errors."""

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
"""By this name files say that this project wrote them."""

_TEMPORARY = ".anynet"
"""Part of the names of temporary files, after the name of the file that they are to become."""

_SHOWN: Final = 50
"""Characters of that name, for the longest names to stay within a file system's bounds."""


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it is synced and renamed to `path`.

    When the body raises, `path` is left as it was and the temporary file is removed. What a killed
    process left of an earlier write to `path` is removed too. Raises `ConfigError` for a folder, a
    device or a pipe, which renaming would put a file in place of.
    """
    target = Path(path)
    if target.exists() and not target.is_file():
        kind = "folder" if target.is_dir() else "device or pipe"
        raise ConfigError(f"{target}: must be a file or free; got a {kind}; name another file")
    target.parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(target.parent, [target.name])
    handle, name = tempfile.mkstemp(
        prefix=f".{target.name[:_SHOWN]}.", suffix=f"{_TEMPORARY}{target.suffix}", dir=target.parent
    )
    temporary = Path(name)
    try:
        try_lock(handle)  # which tells others that this process is alive
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
    """Turn whatever a parser raises for a bad file into one `error` that names `path`.

    `what` says what the file must be, such as "an npz file of arrays". An `error` passes as it is;
    the project's other errors keep their messages, which follow the path.
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
"""Bytes of a JSON or text file that are read at the most, unless its reader says otherwise."""


def open_regular(path: str | Path) -> BinaryIO:
    """Open a regular file for reading bytes.

    Raises `OSError` for anything else: a pipe may never begin and a device may never end.
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
    """The contents of a regular file, of at most `most` bytes. Raises `error` as `reading` does."""
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
    """The contents of a file in UTF-8. Raises `error` as `read_bytes` does."""
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
    """Raise `ConfigError` unless `path` can become a folder: it is free, or an empty one."""
    check_writable(path)
    if path.is_symlink():
        raise ConfigError(f"{path}: must be free or an empty folder; got a link")
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise ConfigError(f"{path}: must be free or an empty folder; got one that is in use")


@contextmanager
def new_folder(path: str | Path) -> Iterator[Path]:
    """Yield a temporary folder beside `path`; on success it is synced and renamed to `path`.

    When the body raises, nothing is left. Raises `FileExistsError` unless `path` is free or an
    empty folder: two folders cannot be exchanged in one step.
    """
    target = Path(path).absolute()
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise FileExistsError(f"{path}: must be free or an empty folder; got one that is in use")
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
    """Replace the contents of `path` by `data`, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def write_text(path: str | Path, text: str) -> None:
    """Replace the contents of `path` by `text` in UTF-8, whole or not at all."""
    write_bytes(path, text.encode())


def check_writable(path: Path) -> None:
    """Raise `ConfigError` unless a file or folder can be made at `path`, missing folders too."""
    if path.is_symlink() and not path.exists():
        raise ConfigError(f"{path}: must be free or in use; got a link to nothing; remove it")
    parent = next(folder for folder in path.absolute().parents if os.path.lexists(folder))
    if not parent.is_dir():
        raise ConfigError(f"{path}: must be inside of a folder; got {parent}, which is none")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise ConfigError(f"{path}: must be in a folder that can be written to; got {parent}")


def check_format(
    found: object, newest: int, where: str, error: type[AnyNetError] = DataError
) -> None:
    """Raise `error` unless `found` is a format that this release reads: 1 to `newest`."""
    if type(found) is int and 1 <= found <= newest:
        return
    formats = "1" if newest == 1 else f"1 to {newest}"
    remedy = "; a newer release reads it" if type(found) is int and found > newest else ""
    raise error(f"{where}: must be of format {formats}; got {shortened(found)}{remedy}")


def remove_leftovers(folder: Path, names: Iterable[str]) -> None:
    """Remove from `folder` what killed processes left of writes to files of these names."""
    for path in leftovers(folder, names):
        path.unlink(missing_ok=True)


def leftovers(folder: Path, names: Iterable[str]) -> list[Path]:
    """Temporary files in `folder` of killed writes to files of these names."""
    patterns = ((name[:_SHOWN], f"{_TEMPORARY}{Path(name).suffix}") for name in names)
    pattern = re.compile(
        "|".join(rf"\.{re.escape(a)}\.[a-z0-9_]{{8}}{re.escape(b)}" for a, b in patterns)
    )
    return [path for path in folder.iterdir() if pattern.fullmatch(path.name) and _is_dead(path)]


def _is_dead(path: Path) -> bool:
    """Whether the process that wrote a temporary file is gone: while it lives, it has a lock."""
    with suppress(OSError), path.open("rb") as file:
        return try_lock(file.fileno()) is True
    return False


def try_lock(descriptor: int, wait: bool = False) -> bool | None:
    """Lock an open file until it is closed; False where another process has it, unless it waits.

    None where there are no locks, as in some network file systems.
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
