"""A run of the benchmarks: its workers, its results, and rounds that fall on all subjects alike."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from benchmarks.cases import Case, shrunk
from benchmarks.processes import Team, WorkerError, at_once
from benchmarks.results import Measurement, Results

_SETTLE = 0.02
"""Seconds between two runs, in which the threads of the one before stop spinning."""

_MIN = 0.15
"""Seconds that one measurement takes at least: short runs are repeated within it."""

_SLOW = 3.0
"""Seconds of a run from which on it takes part in every `slow_every`-th round only."""

Subject = tuple[str, str]
"""A backend and a form."""


@dataclass
class Bench:
    """What a section needs. `tell` shows people what is being done."""

    team: Team
    results: Results
    quick: bool = False
    tell: Callable[[str], None] = field(default=lambda text: None)

    def sized(self, case: Case, whole: bool = False) -> Case:
        """The case at the size of this run, with all its blocks where it is to be `whole`.

        What it costs is kept for the report.
        """
        case = shrunk(case, whole) if self.quick else case
        self.results.cases[case.name] = case.describe()
        return case

    def repeats(self, full: int) -> int:
        """How often to repeat what a full run repeats `full` times."""
        return min(full, 2) if self.quick else full

    def subjects(self, *forms: str) -> list[Subject]:
        """Every backend in each of the forms."""
        return [(backend, form) for backend in self.team.backends for form in forms]

    def add(
        self, section: str, case: str, subject: Subject, quantity: str, values: Sequence[Any]
    ) -> None:
        """Keep what was measured."""
        item = Measurement(section, case, *subject, quantity, tuple(values))
        self.results.measurements.append(item)

    def note(self, text: str) -> None:
        """Keep a sentence on what could not be measured; what failed for one reason, once."""
        reason = text.partition("not measured; ")[2]
        if all(not reason or not note.endswith(reason) for note in self.results.notes):
            self.results.notes.append(text)

    def in_turn(
        self,
        section: str,
        case: str,
        task: str,
        subjects: Sequence[Subject],
        options: dict[str, Any],
        rounds: int,
        slow_every: int = 3,
    ) -> None:
        """Time a task of all subjects in turn, round by round; who fails is noted and left out.

        In each round every subject runs once, so that what else the machine does falls on all. One
        more comes first, after which all is as it stays.
        """
        self.tell(f"{case}: preparing")
        rounds = self.repeats(rounds)
        last = self._prepare(section, case, task, subjects, options)
        values: dict[Subject, list[float | None]] = {subject: [] for subject in last}
        self.tell(f"{case}: a round that is not counted")
        for subject in values:  # the first run compiled, and what frees memory then meets it anew
            last[subject] = self._time(subject, warm=False)
        for number in range(rounds):
            self.tell(f"{case}: round {number + 1} of {rounds}")
            for subject, times in values.items():
                fast = last[subject] < _SLOW
                if fast or number % slow_every == 0:
                    last[subject] = self._time(subject, fast)
                    times.append(last[subject])
                else:
                    times.append(None)
        for subject, times in values.items():
            self.team.ask(subject[0], "release", key=subject[1])
            self.add(section, case, subject, "seconds", times)

    def _prepare(
        self,
        section: str,
        case: str,
        task: str,
        subjects: Sequence[Subject],
        options: dict[str, Any],
    ) -> dict[Subject, float]:
        """Seconds of the first run of all that could be prepared; frameworks do it at once."""

        def prepare(backend: str) -> list[tuple[Subject, float | WorkerError]]:
            return [
                ((name, form), self._first(name, form, task, options))
                for name, form in subjects
                if name == backend
            ]

        there = [backend for backend, _ in subjects if backend in self.team.backends]
        backends = dict.fromkeys(there)
        seconds: dict[Subject, float] = {}
        for answers in at_once([partial(prepare, backend) for backend in backends]):
            for subject, answer in answers:
                if isinstance(answer, WorkerError):
                    self.note(f"{section}, {case}, {subject[1]}: not measured; {answer}")
                else:
                    seconds[subject] = answer
        return seconds

    def _first(
        self, backend: str, form: str, task: str, options: dict[str, Any]
    ) -> float | WorkerError:
        try:
            request = {"key": form, "task": task, "form": form, "options": options}
            return float(self.team.ask(backend, "prepare", **request)["first"])
        except WorkerError as error:
            return error

    def _time(self, subject: Subject, warm: bool) -> float:
        time.sleep(_SETTLE)
        request = {"key": subject[1], "warm": warm, "least": _MIN}
        return float(self.team.ask(subject[0], "time", **request)["seconds"])
