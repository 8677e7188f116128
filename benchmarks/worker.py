"""One framework's side of a benchmark: requests on stdin, answers on stdout, a JSON line each.

`python -m benchmarks.worker BACKEND`. All that libraries print goes to stderr.
"""

import gc
import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

from benchmarks.memory import reset_peak, resident
from common.backends import FRAMEWORKS, load_backend, start_backend
from common.errors import BackendError

Request = dict[str, Any]
Answer = dict[str, Any]


class Worker:
    """What one process has prepared to be timed."""

    def __init__(self, backend: str) -> None:
        self.backend = backend
        self._runs: dict[str, Callable[[], None]] = {}

    def facts(self, request: Request) -> Answer:
        """Versions and devices of the framework."""
        module = load_backend(self.backend)
        return {"versions": FRAMEWORKS[self.backend].versions(), "devices": module.devices()}

    def prepare(self, request: Request) -> Answer:
        """Make what is to be timed and run it: seconds of making and of the first run."""
        from benchmarks.tasks import TASKS

        began = time.perf_counter()
        run = TASKS[request["task"]](self.backend, request["form"], request["options"])
        built = time.perf_counter()
        self._runs[request["key"]] = run
        return {"building": built - began, "first": _seconds(run)}

    def time(self, request: Request) -> Answer:
        """Seconds of one run, a mean over several until `least` seconds have passed.

        With `warm` one more comes first, for other processes have run since.
        """
        run, total, calls = self._runs[request["key"]], 0.0, 0
        if request.get("warm"):
            run()
        while not calls or total < request.get("least", 0):
            total, calls = total + _seconds(run), calls + 1
        return {"seconds": total / calls}

    def release(self, request: Request) -> Answer:
        """Forget what was prepared."""
        self._runs.pop(request["key"], None)
        gc.collect()
        return {}

    def reset(self, request: Request) -> Answer:
        """Forget the peak of memory so far; the bytes in memory now."""
        return {"bytes": reset_peak()}

    def peak(self, request: Request) -> Answer:
        """Bytes in memory at most since the last reset."""
        return {"bytes": resident("VmHWM")}

    def measure(self, request: Request) -> Answer:
        """A measurement that runs by itself: its values by name."""
        from benchmarks.alone import ALONE

        return {"values": ALONE[request["task"]](self.backend, request["options"])}

    def answer(self, request: Request) -> Answer:
        """The answer to a request, or the error that it met."""
        verbs = (
            self.facts, self.prepare, self.time, self.release, self.reset, self.peak, self.measure,
        )  # fmt: skip
        try:
            return {verb.__name__: verb for verb in verbs}[request["do"]](request)
        except BackendError as error:
            return {"error": str(error)}
        except Exception as error:
            traceback.print_exc()
            return {"error": f"{type(error).__name__}: {error}".splitlines()[0]}


def _seconds(run: Callable[[], None]) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def main(backend: str) -> None:
    """Answer requests until there are no more."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what C libraries print
    sys.stdout = sys.stderr
    start_backend(backend)
    worker = Worker(backend)
    for line in sys.stdin:
        print(json.dumps(worker.answer(json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
