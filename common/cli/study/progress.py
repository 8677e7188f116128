"""A progress bar for a study while its workers train."""

import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from common.studies import Study

ENDED = ("complete", "pruned", "failed")
"""States of networks that are not trained any further."""

_EVERY = 10.0
"""Seconds between queries of the storage."""


class StudyProgress:
    """A progress bar over the networks of a study; a context manager."""

    def __init__(self, study: Study) -> None:
        self._study = study
        self._bars = Bars(
            TextColumn(study.name),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[running]} running"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            speed_estimate_period=600,
        )
        self._task = self._bars.add_task("", total=None, running=0)
        self._seen = 0.0

    def __enter__(self) -> "StudyProgress":
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._seen = 0.0
        if kind is None:
            self.update()
        self._bars.stop()

    def update(self) -> None:
        """Update the bar, querying the storage every few seconds."""
        if time.monotonic() - self._seen < _EVERY:
            return
        self._seen = time.monotonic()
        counts = self._study.counts().values()
        total = sum(sum(states.values()) for states in counts)
        ended = sum(states.get(name, 0) for states in counts for name in ENDED)
        running = sum(states.get("running", 0) for states in counts)
        self._bars.update(self._task, total=total, completed=ended, running=running)
