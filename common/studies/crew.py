"""The threads of a worker, each of which trains one network at a time."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Final

from common.backends import FRAMEWORKS, load_backend
from common.errors import BackendError
from common.studies.config import StudyConfig

_UNCLEARED: Final = 16
"""Networks per thread after which the framework's caches are cleared."""


class Crew:
    """Threads that take networks in turn, and what they share.

    One thread is the caller's own. `done` is the number of networks that they have finished, and
    `stopped` is set when they must not go on. Several threads clear the framework's caches rarely,
    and only when none of them trains: some frameworks drop the compiled steps of all networks.

    - `threads`: number of threads.
    - `clear`: frees what the framework keeps of networks that are gone.
    - `most`: networks to finish at most.
    """

    def __init__(self, threads: int, clear: Callable[[], object], most: int | None = None) -> None:
        self.threads, self.done = threads, 0
        self.stopped = threading.Event()
        self._clear, self._most = clear, most
        self._changed = threading.Condition()
        self._training = self._uncleared = 0
        self._clears_after = 1 if threads == 1 else threads * _UNCLEARED

    def run(self, task: Callable[[int], None]) -> None:
        """Call `task` with the number of each thread, in that thread.

        An error in one of them, or an interrupt, stops the others, and is raised when they have
        ended.
        """
        if self.threads == 1:
            task(0)
            return
        with ThreadPoolExecutor(self.threads, thread_name_prefix="anynet-network") as pool:
            try:
                for future in as_completed([pool.submit(task, i) for i in range(self.threads)]):
                    future.result()
            except BaseException:
                self.stopped.set()
                raise

    def begin(self) -> bool:
        """Whether the thread may train another network; it then calls `end` after it."""
        with self._changed:
            self._changed.wait_for(lambda: self._uncleared < self._clears_after)
            begun = self.done + self._training
            if self.stopped.is_set() or (self._most is not None and begun >= self._most):
                return False
            self._training += 1
            return True

    def end(self, trained: bool, done: bool) -> None:
        """Say whether the thread has trained a network, and whether it counts."""
        with self._changed:
            self._training -= 1
            self.done += done
            self._uncleared += trained
            if self._uncleared >= self._clears_after and not self._training:
                self._clear()
                self._uncleared = 0
            self._changed.notify_all()

    def check(self) -> None:
        """Raise `KeyboardInterrupt` if the crew is stopped."""
        if self.stopped.is_set():
            raise KeyboardInterrupt


def check_at_once(config: StudyConfig, at_once: int, on_ray: bool = False) -> None:
    """Raise `BackendError` if the workers of a study cannot train several networks at a time."""
    if at_once == 1:
        return
    where = "with --ray" if on_ray else "for a Python function" if config.objective else ""
    if not where:
        name = config.training.backend
        if load_backend(name).SUPPORTS_TRAINING_IN_THREADS:
            return
        where = f"in {FRAMEWORKS[name].title}"
    raise BackendError(f"at-once: must be 1 {where}; got {at_once}; start more --workers")
