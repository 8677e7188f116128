"""Training on several devices: the parts of a batch, and a process for each further device."""

import json
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from math import prod
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
from numpy.typing import NDArray

from common.errors import BackendError, ConfigError, shortened
from common.processes import PIPE, TimeoutExpired, start_python

Arrays = dict[str, NDArray[Any]]

READY: Final = b"ready\n"
"""What a process that was started writes to its standard output when it has imported all it needs.

Nothing else is read from there."""

_PATIENCE: Final = 5.0
"""Seconds within which a process ends whose connections are closed."""


def check_parts(images: int, devices: int, mixup: float = 0.0) -> None:
    """Raise `ConfigError` unless a batch of `images` has equal parts for all devices.

    With `mixup` each part must hold whole pairs, as neighbours in a batch are mixed.
    """
    parts = 2 * devices if mixup and devices > 1 else devices
    if images % parts:
        pairs = " with mixup, which mixes pairs" if parts > devices else ""
        raise ConfigError(
            f"devices: the batch size must be a multiple of {parts} on {devices} devices{pairs}; "
            f"got {images}; take another batch size or fewer devices"
        )


def filled(images: NDArray[Any], devices: int) -> NDArray[Any]:
    """`images`, padded with copies of the first, so that all devices get as many."""
    missing = -len(images) % devices
    if not missing:
        return images
    return np.concatenate([images, np.repeat(images[:1], missing, axis=0)])


class Others:
    """The other processes: one for each device but the first, started and led by this process.

    Raises `BackendError` if one of them does not start.

    - `code`: Python code that they run, with their rank, the number of devices and `folder` as
      arguments. It writes `READY`, and then reads messages from standard input to its end.
    - `devices`: number of devices, and of processes with this one, whose rank is 0.

    `folder` is theirs, for files through which they find each other.
    """

    def __init__(self, code: str, devices: int) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="anynet-devices-"))
        self._processes: list[Any] = []  # `Process` with pipes, which mypy takes for optional
        try:
            for rank in range(1, devices):
                with self._log(rank).open("wb") as log:
                    process = start_python(
                        "-c", code, rank, devices, self.folder, stdin=PIPE, stdout=PIPE, stderr=log,
                        start_new_session=True,
                    )  # fmt: skip  # in a session of its own: Ctrl-C is for this process
                self._processes.append(process)
            for process in self._processes:
                with process.stdout as told:
                    while (line := told.readline()) != READY:
                        if not line:
                            self.check(_PATIENCE)
        except BaseException:
            self.end(0.0)
            raise

    def tell(self, header: dict[str, Any], parts: list[Arrays]) -> None:
        """Send each process a message with its own arrays. Raises `BackendError` if one ended."""
        with self.watched():
            for process, arrays in zip(self._processes, parts, strict=True):
                write_message(process.stdin, header, arrays)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Context in which an error is a `BackendError` if it comes from another process's end."""
        try:
            yield
        except (RuntimeError, OSError) as error:
            if not isinstance(error, BackendError):
                self.check(_PATIENCE, error)
            raise

    def check(self, patience: float = 0.0, cause: Exception | None = None) -> None:
        """Raise `BackendError` if one of the others has ended, or does within `patience` seconds.

        `cause` is the error that its end had in this process.
        """
        until = time.monotonic() + patience
        while True:
            for rank, process in enumerate(self._processes, 1):
                if process.poll() is not None:
                    raise BackendError(
                        "devices: every device must have its process until the end; got that of "
                        f"device {rank}, which {self._ending(rank, process)}; resume the run, if "
                        "it has a directory, or take fewer devices"
                    ) from cause
            if time.monotonic() >= until:
                return
            time.sleep(0.02)

    @property
    def live(self) -> bool:
        """Whether none of the others has ended."""
        return all(process.poll() is None for process in self._processes)

    def end(self, patience: float = _PATIENCE) -> None:
        """Close the pipes to the others, wait for their end, and kill them after `patience`."""
        for process in self._processes:
            with suppress(OSError):  # of one that has ended
                process.stdin.close()
        for process in self._processes:
            try:
                process.wait(patience)
            except TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _log(self, rank: int) -> Path:
        return self.folder / f"{rank}.log"

    def _ending(self, rank: int, process: Any) -> str:
        if process.returncode < 0:
            return f"was killed by {signal.Signals(-process.returncode).name}"
        lines = self._log(rank).read_text(errors="replace").strip().splitlines()
        return f"ended with {shortened(lines[-1]) if lines else 'no message'}"


def write_message(stream: IO[bytes], header: dict[str, Any], arrays: Arrays) -> None:
    """Write plain data and arrays to a pipe, from which `read_message` reads them.

    Raises `OSError` if nobody reads there any more.
    """
    described = [(name, array.dtype.str, array.shape) for name, array in arrays.items()]
    stream.write(json.dumps([header, described]).encode() + b"\n")
    for array in arrays.values():
        stream.write(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    stream.flush()


def read_message(stream: IO[bytes]) -> tuple[dict[str, Any], Arrays] | None:
    """The next message, and `None` after the last one, also where the writer died in one."""
    line = stream.readline()
    if not line.endswith(b"\n"):
        return None
    header, described = json.loads(line)
    arrays: Arrays = {}
    for name, dtype, shape in described:
        flat = np.empty(prod(shape), dtype)
        left = flat.view(np.uint8).data
        while left:
            count = stream.readinto(left)  # type: ignore[attr-defined]
            if not count:
                return None
            left = left[count:]
        arrays[name] = flat.reshape(shape)
    return header, arrays
