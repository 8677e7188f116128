"""A run of the benchmarks: rounds in which all subjects take turns, and notes on what failed."""

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.cases import Case, shrunk
from benchmarks.processes import SETTINGS, Process, WorkerError
from benchmarks.results import Measurement, Section
from common.arch import count
from common.processes import run_python

_SETTLE = 0.02
"""Seconds between two runs, in which the threads of the one before stop spinning."""

_SLOW, _SLOW_EVERY = 3.0, 4
"""Seconds of a run from which on it takes part in every fourth round only."""

Subject = tuple[str, str]
"""A backend and a form."""

Options = dict[str, Any]


@dataclass
class Bench:
    """What a section needs: the Python of each backend, a folder for logs, and what it fills.

    `tell` shows people what is being done.
    """

    pythons: Mapping[str, Path]
    logs: Path
    section: Section
    quick: bool
    tell: Callable[[str], None]

    def worker(self, backend: str, form: str = "ours") -> Process:
        """A process for a form, which the caller closes. Raises `WorkerError`."""
        if backend not in self.pythons:
            raise WorkerError(f"{backend} is not installed")
        return Process(self.pythons[backend], backend, form, self.logs / f"{backend}.txt")

    def sized(self, case: Case) -> Case:
        """The case at the size of this run."""
        return shrunk(case) if self.quick else case

    def rounds(self, full: int) -> int:
        """How often to repeat what a full run repeats `full` times."""
        return min(full, 2) if self.quick else full

    def subjects(self, *forms: str) -> list[Subject]:
        """Every backend in each of the forms."""
        return [(backend, form) for backend in self.pythons for form in forms]

    def add(self, case: str, subject: Subject, values: Sequence[float | None]) -> None:
        """Keep what was measured."""
        self.section.measurements.append(Measurement(case, *subject, tuple(values)))

    @contextmanager
    def noting(self, what: str) -> Iterator[None]:
        """Note that a worker failed, and go on; what fails for one reason is noted once."""
        try:
            yield
        except WorkerError as error:
            if not any(note.endswith(str(error)) for note in self.section.notes):
                self.section.notes.append(f"{what}: not measured; {error}")

    def study(self, backend: str, networks: int, *options: str | int) -> float:
        """Seconds of a whole `anynet study run` of small networks. Raises `WorkerError`."""
        with tempfile.TemporaryDirectory() as folder:
            began = time.perf_counter()
            done = run_python(
                "-m", "common.cli", "study", "run", "bench", "--backend", backend,
                "--networks", networks, "--flops", "1e6:2e6", *options,
                python=self.pythons[backend].absolute(), variables=SETTINGS, cwd=folder,
            )  # fmt: skip
            if done.returncode:
                raise WorkerError(f"study: must run; got {done.stderr.strip()[-500:]}")
            return time.perf_counter() - began

    def steps(
        self, task: str, case: Case, subjects: Sequence[Subject], rounds: int = 9, name: str = ""
    ) -> None:
        """Time training or inference on a batch of a case."""
        passes = 3 if task == "training" else 1  # backward there are two products for each one
        flops = passes * case.batch * count(case.spec, case.image_size).flops
        self.section.cases[name or case.name] = {"items": case.batch, "flops": flops}
        self.in_turn(name or case.name, task, subjects, {"case": case.to_dict()}, rounds)

    def in_turn(
        self, case: str, task: str, subjects: Sequence[Subject], options: Options, rounds: int = 9
    ) -> None:
        """Time a task of all subjects in turn, round by round; who fails is noted and left out.

        In each round every subject runs once, so that what else the machine does falls on all. The
        first round is not counted: what was allocated and compiled before is in use from then on.
        """
        rounds, last = self.rounds(rounds), dict[Subject, float]()
        with ExitStack() as stack:
            workers = {one: stack.enter_context(self.worker(*one)) for one in subjects}
            for subject, worker in workers.items():
                self.tell(f"{case}: preparing {' '.join(subject)}")
                with self.noting(f"{case}, {subject[1]}"):
                    worker.ask("prepare", task=task, options=options)
                    last[subject] = 0.0
            values: dict[Subject, list[float | None]] = {subject: [] for subject in last}
            for number in range(rounds + 1):
                self.tell(f"{case}: round {number} of {rounds}")
                for subject, times in values.items():
                    slow = last[subject] >= _SLOW
                    if slow and number % _SLOW_EVERY != 1:
                        times.append(None)
                        continue
                    time.sleep(_SETTLE)
                    warm = number > 0 and not slow
                    last[subject] = workers[subject].ask("time", warm=warm)["seconds"]
                    times.append(last[subject])
        for subject, times in values.items():
            self.add(case, subject, times[1:])
