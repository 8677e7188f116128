"""Workers as the driver sees them: one process per framework, in its own environment."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).parents[1]

_SETTINGS = {
    "JAX_ENABLE_COMPILATION_CACHE": "false",  # a first step compiles
    "PYTHONUNBUFFERED": "1",
    "TF_CPP_MIN_LOG_LEVEL": "1",
}


class WorkerError(Exception):
    """A worker could not do what it was asked, or is gone."""


def environment() -> dict[str, str]:
    """The variables under which every worker runs, its own and those of this process."""
    path = os.pathsep.join([str(ROOT), *os.environ.get("PYTHONPATH", "").split(os.pathsep)])
    return {**os.environ, **_SETTINGS, "PYTHONPATH": path.rstrip(os.pathsep)}


class Process:
    """A running worker; `log` gets what it and its libraries print."""

    def __init__(self, python: Path, backend: str, log: Path) -> None:
        self.backend, self.log = backend, log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a") as errors:
            self._process = subprocess.Popen(
                [python, "-m", "benchmarks.worker", backend],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                cwd=ROOT,
                env=environment(),
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
    """The workers of all frameworks; one that ended is started again when it is asked next."""

    def __init__(self, pythons: Mapping[str, Path], logs: Path) -> None:
        self.pythons, self._logs = dict(pythons), logs
        self._processes: dict[str, Process] = {}

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

    def fresh(self, backend: str) -> Process:
        """A worker of its own, which the caller closes."""
        return Process(self.pythons[backend], backend, self._logs / f"{backend}.txt")

    def ask(self, backend: str, do: str, **request: Any) -> dict[str, Any]:
        """The answer of a framework's worker. Raises `WorkerError`."""
        if backend not in self._processes:
            self._processes[backend] = self.fresh(backend)
        try:
            return self._processes[backend].ask(do, **request)
        except WorkerError:
            if self._processes[backend]._process.poll() is not None:
                self._processes.pop(backend).close()
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
