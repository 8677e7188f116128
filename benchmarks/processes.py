"""Workers as the driver sees them: one process per framework, in its own environment."""

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from common.memory import KEEP_MEMORY
from common.processes import PIPE, ROOT, start_python

_SETTINGS = {
    "JAX_ENABLE_COMPILATION_CACHE": "false",  # a first step compiles
    "PYTHONUNBUFFERED": "1",
    "TF_CPP_MIN_LOG_LEVEL": "1",
}

_OWN_FORMS = ("ours", "folded", "xavier", "he", "machine")
"""Forms that are this project's; all others are measured as if it were not there."""


class WorkerError(Exception):
    """A worker could not do what it was asked, or is gone."""


def settings(own: bool = True) -> dict[str, str]:
    """The variables under which a worker runs, besides those of this process.

    A worker that is not for this project's own forms leaves the allocator of memory as it is.
    """
    return _SETTINGS if own else {**_SETTINGS, KEEP_MEMORY: "0"}


class Process:
    """A running worker; `log` gets what it and its libraries print."""

    def __init__(self, python: Path, backend: str, log: Path, own: bool = True) -> None:
        self.backend, self.log = backend, log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a") as errors:
            self._process = start_python(
                "-m",
                "benchmarks.worker",
                backend,
                python=python,
                variables=settings(own),
                stdin=PIPE,
                stdout=PIPE,
                stderr=errors,
                text=True,
                cwd=ROOT,
            )

    def ask(self, do: str, **request: Any) -> dict[str, Any]:
        """The answer to one request. Raises `WorkerError`."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            print(json.dumps({"do": do, **request}), file=self._process.stdin, flush=True)
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise WorkerError(f"{self.backend}: the worker ended; its last words are in {self.log}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise WorkerError(f"{self.backend}: {answer['error']}")
        return answer

    def close(self) -> None:
        """End the worker."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):  # a last request that nobody reads
                    pipe.close()


class Team:
    """The workers, two of each framework: for this project's own forms and for all others.

    One that ended is started again when it is asked next.
    """

    def __init__(self, pythons: Mapping[str, Path], logs: Path) -> None:
        self.pythons, self._logs = dict(pythons), logs
        self._processes: dict[tuple[str, bool], Process] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self.rest()

    @property
    def backends(self) -> list[str]:
        """Names of the frameworks that take part."""
        return list(self.pythons)

    def fresh(self, backend: str, form: str = "ours") -> Process:
        """A worker of its own for a form, which the caller closes."""
        own = form in _OWN_FORMS
        log = self._logs / f"{backend}{'' if own else '-plain'}.txt"
        return Process(self.pythons[backend], backend, log, own)

    def ask(self, backend: str, do: str, key: str = "ours", **request: Any) -> dict[str, Any]:
        """The answer of a framework's worker on what `key` names, a form. Raises `WorkerError`."""
        name = (backend, key in _OWN_FORMS)
        if name not in self._processes:
            self._processes[name] = self.fresh(backend, key)
        try:
            return self._processes[name].ask(do, key=key, **request)
        except WorkerError:
            if self._processes[name]._process.poll() is not None:
                self._processes.pop(name).close()
            raise

    def rest(self) -> None:
        """End all workers, so that what runs alone has the machine to itself."""
        for process in self._processes.values():
            process.close()
        self._processes = {}


def find_environments(folder: Path, backends: Sequence[str]) -> dict[str, Path]:
    """The Python of each backend's environment below `folder`, where there is one."""
    pythons = {backend: folder / backend / "bin" / "python" for backend in backends}
    return {backend: python for backend, python in pythons.items() if python.exists()}


def at_once(calls: Sequence[Any]) -> list[Any]:
    """The results of functions that wait for different processes, or what they raised."""

    def result(call: Any) -> Any:
        try:
            return call()
        except WorkerError as error:
            return error

    with ThreadPoolExecutor(max(1, len(calls))) as pool:
        return list(pool.map(result, calls))
