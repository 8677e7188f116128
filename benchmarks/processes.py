"""Workers as the driver sees them: a process for each form of each framework."""

import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from common.frameworks import FRAMEWORKS
from common.memory import KEEP_MEMORY
from common.processes import PIPE, PYTHON, ROOT, start_python

SETTINGS = {
    "JAX_ENABLE_COMPILATION_CACHE": "false",  # a first step compiles
    "PYTHONUNBUFFERED": "1",
    "XLA_PYTHON_CLIENT_PREALLOCATE": "false",  # of a GPU that several processes share
    "TF_CPP_MIN_LOG_LEVEL": "1",
}
"""Variables under which workers run, besides those of this process."""

_OTHERS = ("plain", "timm", "torchvision", "onnxruntime")
"""First words of forms that are not this project's."""


def is_own(form: str) -> bool:
    """Whether a form is this project's: only its process is set up for memory and large batches."""
    return form.split()[0] not in _OTHERS


class WorkerError(Exception):
    """A worker could not do what it was asked, or is gone."""


class Process:
    """A worker for one form; `log` gets what it and its libraries print."""

    def __init__(self, python: Path, backend: str, form: str, log: Path) -> None:
        self.backend, self.form, self.log = backend, form, log
        log.parent.mkdir(parents=True, exist_ok=True)
        keeping = {} if is_own(form) else {KEEP_MEMORY: "0"}
        with log.open("a") as errors:
            self._process = start_python(
                "-m", "benchmarks.worker", backend, form,
                python=python, variables=SETTINGS | keeping,
                stdin=PIPE, stdout=PIPE, stderr=errors, text=True, cwd=ROOT,
            )  # fmt: skip

    def ask(self, do: str, **options: Any) -> dict[str, Any]:
        """What a method of the worker answers. Raises `WorkerError`."""
        line, answers = "", self._process.stdout
        assert answers is not None
        with suppress(BrokenPipeError):
            print(json.dumps([do, options]), file=self._process.stdin, flush=True)
            line = answers.readline()
        answer: dict[str, Any] = json.loads(line or '{"error": "the worker ended"}')
        if "error" in answer:
            raise WorkerError(f"{self.backend}: {answer['error']}; see {self.log}")
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        with suppress(BrokenPipeError):  # a last request that nobody reads
            self._process.__exit__(None, None, None)


def find_pythons(folder: Path, backends: Sequence[str]) -> dict[str, Path]:
    """The Python for each backend: of its environment in `folder`, or this one if it has it."""
    found = {backend: folder / backend / "bin" / "python" for backend in backends}
    for backend, python in found.items():
        if not python.exists() and not FRAMEWORKS[backend].missing:
            found[backend] = PYTHON
    return {backend: python for backend, python in found.items() if python.exists()}
