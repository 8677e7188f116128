"""Downloads with digests, resumption and retries; files appear complete or not at all."""

import hashlib
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from common.data.idx import read_content
from common.errors import DataError, told
from common.files import try_lock

if TYPE_CHECKING:
    from rich.progress import Progress
    from tenacity import AttemptManager

_CHUNK = 1 << 16
_MAX_BYTES = 64 << 20
"""Largest size of a file on a server: twice that of Fashion-MNIST's largest."""


class _GivenUpError(DataError):
    """A failure that a retry cannot cure."""


@dataclass(frozen=True)
class Patience:
    """Timeouts and retries of a download; all times in seconds.

    - `timeout`: longest wait for the next bytes.
    - `longest`: longest time for one file, over all attempts.
    - `tries`: number of attempts.
    - `shortest_pause`, `longest_pause`: limits of the exponential pauses between attempts.
    """

    timeout: float = 20.0
    longest: float = 1800.0
    tries: int = 5
    shortest_pause: float = 1.0
    longest_pause: float = 10.0


def download(
    base: str, digests: Mapping[str, str], folder: Path, patience: Patience | None = None
) -> None:
    """Download the files that `folder` lacks, each from `base`/name.

    An interrupted transfer resumes where it stopped, also in another process; a corrupt file is
    downloaded again. Servers that send too much or take too long are given up. Raises `DataError`
    with the URL.

    - `base`: URL of the server's directory.
    - `digests`: names of the files, each with the SHA-256 of its decompressed content.
    - `folder`: where to, made if it does not exist.
    - `patience`: timeouts and retries.
    """
    from rich.progress import Progress

    folder.mkdir(parents=True, exist_ok=True)
    with Progress(transient=True) as progress:
        for name, digest in digests.items():
            if not (folder / name).exists():
                url = f"{base.rstrip('/')}/{name}"
                _download_file(url, folder / name, digest, patience or Patience(), progress)


def _download_file(
    url: str, target: Path, digest: str, patience: Patience, progress: "Progress"
) -> None:
    partial = target.with_name(f".{target.name}.part")
    with partial.open("ab") as file:
        try_lock(file.fileno(), wait=True)  # a process that waited here finds the complete file
        if target.exists():
            return
        end = time.monotonic() + patience.longest
        task = progress.add_task(target.name, total=None)
        for attempt in _attempts(url, patience):
            with attempt:
                for done, total in _transfer(url, file, patience.timeout):
                    if time.monotonic() > end:
                        raise _GivenUpError(f"only {done:,} bytes in {patience.longest:g} seconds")
                    progress.update(task, completed=done, total=total)
                _check(file, partial, digest)
        os.fsync(file.fileno())
        partial.replace(target)


def _attempts(url: str, patience: Patience) -> Iterator["AttemptManager"]:
    """Attempts with exponential backoff; the last failure is raised as a `DataError`."""
    from requests import RequestException
    from tenacity import (
        Retrying,
        retry_if_exception,
        stop_after_attempt,
        stop_after_delay,
        wait_exponential,
    )
    from urllib3.exceptions import HTTPError as TransferError

    try:
        yield from Retrying(
            stop=stop_after_attempt(patience.tries) | stop_after_delay(patience.longest),
            wait=wait_exponential(patience.shortest_pause, max=patience.longest_pause),
            retry=retry_if_exception(_may_pass),
            reraise=True,
        )
    except (RequestException, TransferError, DataError, ValueError) as error:
        got = error if isinstance(error, DataError) else told(error)
        raise DataError(
            f"{url}: must be there and whole; got {got}; name a directory that "
            "holds the files, or use the shipped sample (--data sample)"
        ) from error


def _may_pass(error: BaseException) -> bool:
    """Whether a retry can help, which it cannot if the server has no such file, for example."""
    from requests import HTTPError, RequestException
    from urllib3.exceptions import HTTPError as TransferError

    if isinstance(error, HTTPError) and error.response is not None:
        return error.response.status_code >= 500 or error.response.status_code in (408, 429)
    known = RequestException | TransferError | DataError
    return isinstance(error, known) and not isinstance(error, _GivenUpError)


def _transfer(url: str, file: IO[bytes], timeout: float) -> Iterator[tuple[int, int | None]]:
    """Download the missing bytes into `file`; yields (bytes so far, total bytes or `None`)."""
    import requests

    done = file.seek(0, os.SEEK_END)
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={done}-"} if done else {})
    with requests.get(url, headers=headers, stream=True, timeout=timeout) as response:
        if done and response.status_code != 206:
            # The server sends the whole file (200), or has no bytes from `done` on (416).
            done = file.truncate(0)
            if response.status_code == 416:
                raise DataError("a partial file that the server cannot continue")
        response.raise_for_status()
        length = response.headers.get("Content-Length")
        total = None if length is None else done + int(length)
        _check_size(file, total or 0)
        # `read1` returns what has arrived; `stream` waits for a whole chunk, past the timeout.
        while chunk := response.raw.read1(_CHUNK, decode_content=False):
            done += file.write(chunk)
            _check_size(file, done)
            yield done, total
        if total is not None and done != total:
            raise DataError(f"{done:,} of {total:,} bytes")


def _check_size(file: IO[bytes], size: int) -> None:
    """Raise `_GivenUpError` and truncate the file if `size` in bytes is too large."""
    if size > _MAX_BYTES:
        file.truncate(0)
        raise _GivenUpError(f"more than {_MAX_BYTES:,} bytes")


def _check(file: IO[bytes], partial: Path, digest: str) -> None:
    """Raise `DataError` and truncate the file unless its decompressed content has the digest."""
    file.flush()
    try:
        found = hashlib.sha256(read_content(partial)).hexdigest()
    except DataError:
        file.truncate(0)
        raise
    if found != digest:
        file.truncate(0)
        raise DataError(f"content with SHA-256 {found}, not {digest}")
