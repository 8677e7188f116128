"""One form in one framework: requests on stdin, answers on stdout, a JSON line each.

`python -m benchmarks.worker BACKEND FORM`. All that libraries print goes to stderr.
"""

import json
import os
import sys
import time
import traceback
from math import inf
from typing import Any

from benchmarks.cases import Case
from benchmarks.gpu_tasks import MEASURES
from benchmarks.memory import reset_peak, resident
from benchmarks.processes import is_own
from benchmarks.tasks import TASKS, Run, loop
from common.backends import FRAMEWORKS, load_backend, start_backend

_LEAST = 0.15
"""Seconds that one measurement takes at least: short runs are repeated within it."""


class Worker:
    """What one process has prepared to be timed. Every method answers a request."""

    def __init__(self, backend: str, form: str) -> None:
        self.backend, self.form = backend, form
        self._run: Run = lambda: None

    def facts(self) -> dict[str, Any]:
        """Versions and devices of the framework."""
        devices = load_backend(self.backend).devices()
        return {"versions": FRAMEWORKS[self.backend].versions(), "devices": devices}

    def prepare(self, task: str, options: dict[str, Any]) -> dict[str, float]:
        """Make what is to be timed and run it: seconds of making and of the first run."""
        began = time.perf_counter()
        self._run = TASKS[task](self.backend, self.form, options)
        return {"building": time.perf_counter() - began, "first": self._seconds()}

    def time(self, warm: bool = False) -> dict[str, float]:
        """Seconds of one run, the mean where it is repeated.

        With `warm` one more comes first, for other processes have run since.
        """
        total, calls = 0.0, 0
        if warm:
            self._run()
        while total < _LEAST:
            total, calls = total + self._seconds(), calls + 1
        return {"seconds": total / calls}

    def memory(self) -> dict[str, int]:
        """Bytes in memory at most since this was asked last, and now."""
        return {"peak": resident("VmHWM"), "now": reset_peak()}

    def measure(self, task: str, form: str, options: dict[str, Any]) -> dict[str, list[float]]:
        """What a task of the section on GPUs measures of a form."""
        return MEASURES[task](self.backend, form, options)

    def loop(self, case: dict[str, Any]) -> dict[str, list[float]]:
        """Seconds of steps in the training loop and without it."""
        return loop(self.backend, Case.from_dict(case))

    def _seconds(self) -> float:
        began = time.perf_counter()
        self._run()
        return time.perf_counter() - began


def main(backend: str, form: str) -> None:
    """Answer requests until there are no more."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what C libraries print
    sys.stdout = sys.stderr
    start_backend(backend, flops=inf if is_own(form) else 0)
    worker = Worker(backend, form)
    for line in sys.stdin:
        do, options = json.loads(line)
        try:
            answer = getattr(worker, do)(**options)
        except Exception as error:
            traceback.print_exc()
            answer = {"error": f"{type(error).__name__}: {error}".splitlines()[0]}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
