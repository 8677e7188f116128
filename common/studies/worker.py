"""A worker: takes networks of a study one after another and trains them."""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Final, Literal, NamedTuple

from common.arch import AnyNetSpec
from common.backends import Backend, frozen_heap, load_backend
from common.data import ImageData, open_data
from common.errors import StudyError, TrainingError
from common.studies.config import ErrorOf
from common.studies.crew import Crew, check_at_once
from common.studies.evaluate import evaluate_network
from common.studies.interrupts import signals_interrupt
from common.studies.networks import seeded
from common.studies.objective import Objective, ObjectiveError, check_objective
from common.studies.outcome import Outcome
from common.studies.study import Study
from common.studies.trials import GRACE, Claim, TakenError
from common.training import Learner, Row, TrainConfig
from common.training.loop import TrainingLoop
from common.training.precise_bn import images_taken, validation
from common.training.progress import Progress
from common.training.rows import EPOCH
from common.weights.initial import Init

_BEATS: Final = 4
"""Heartbeats per grace period."""

_POLL: Final = 2.0
"""Seconds between checks for a network that another worker returned or lost."""

_FAILURES: Final = 3
"""Consecutive failures after which a worker gives up."""

Tell = Callable[[str], None]

AfterEpoch = Callable[[int, float], bool]
"""Called with epoch and error after each epoch; returns whether to stop."""

_Train = Callable[[Claim, AfterEpoch, Callable[[], bool]], Outcome]
"""Trains a claimed network; the last argument returns whether another worker has it."""


def work(
    study: Study,
    tell: Tell = print,
    max_networks: int | None = None,
    grace: float = GRACE,
    objective: Objective | None = None,
    at_once: int = 1,
) -> int:
    """Train networks of a study until all are done; returns how many this worker finished.

    The framework is imported and the images are read only once. While other workers train the last
    networks, this one waits, in case one of them is lost. An interrupt (SIGINT or SIGTERM) returns
    the current network to the queue and raises `KeyboardInterrupt`. Raises `StudyError` if the
    storage remains unreachable, after three consecutive failures, and unless `objective` is the
    function that the study names.

    - `tell`: called with a line after each network
    - `max_networks`: stop after this many networks
    - `grace`: seconds without a heartbeat after which another worker's network is taken over
    - `objective`: the function that evaluates networks, for a study that has one
    - `at_once`: number of networks to train at a time, each in a thread and, on a GPU, on a stream
    """
    means = _means(study, objective, at_once)
    crew = Crew(at_once, means.clear_up, max_networks)
    with signals_interrupt(), frozen_heap(None if objective else study.config.training.backend):
        crew.run(_Worker(study, means, crew, tell, grace).train_all)
    return crew.done


def train_network(
    backend: Backend,
    claim: Claim,
    data: ImageData,
    config: TrainConfig,
    after_epoch: AfterEpoch,
    taken: Callable[[], bool] = lambda: False,
    init: Init = "xavier",
    error_of: ErrorOf = "last",
) -> Outcome:
    """Train one network.

    - `claim`: the network
    - `config`: how to train it; each repeated training has the next seed
    - `after_epoch`: called with epoch and error after each epoch; returns whether to stop
    - `taken`: called after every logging interval; returns whether another worker has the network
    - `init`: how the initial weights are drawn
    - `error_of`: whether the error after the last epoch counts, or the least of all

    The error is 1 if the loss becomes NaN or infinite. Raises `TakenError` if `taken` returns True.
    """
    watch = _Watch(after_epoch, taken, error_of)
    config = seeded(config, claim.network)
    drawn: dict[str, Init] = {} if init == "xavier" else {"init": init}
    began = time.perf_counter()

    def make_learner(spec: AnyNetSpec) -> Learner:
        model = backend.create(spec, config.seed, **drawn)
        settings = config.recipe, config.device, config.precision, config.freeze
        return backend.Learner(model, data.preprocessing, *settings)

    learner = make_learner(claim.network.spec)
    validate = validation(learner, data, config.precise_bn, claim.network.spec, make_learner)
    loop = TrainingLoop(learner, data, config, validate, [watch])
    pruned, message = False, None
    try:
        loop.run(Progress(data.steps_per_epoch))
        error = watch.error
    except _PrunedError:
        error, pruned = watch.error, True
    except TrainingError as diverged:
        error, message = 1.0, str(diverged)
    return Outcome(error, tuple(watch.rows), time.perf_counter() - began, pruned, message)


class _Means(NamedTuple):
    """How a worker trains a network, how it clears up, and where each of several threads trains."""

    train: _Train
    clear_up: Callable[[], None]
    own_stream: Callable[[], AbstractContextManager[object]]


def _means(study: Study, objective: Objective | None, at_once: int) -> _Means:
    config, settings = study.config, study.config.training
    config.check_trains(f"study {study.name}")
    check_objective(study.name, config.objective, objective)
    check_at_once(config, at_once)
    if objective is not None:

        def evaluate(claim: Claim, after_epoch: AfterEpoch, taken: Callable[[], bool]) -> Outcome:
            return evaluate_network(objective, claim, settings, after_epoch, taken, config.error_of)

        return _Means(evaluate, lambda: None, nullcontext)
    backend = load_backend(settings.backend)
    data = open_data(settings.data, settings.batch_size, settings.resize, settings.data_options)
    images_taken(settings.precise_bn, data)

    def train(claim: Claim, after_epoch: AfterEpoch, taken: Callable[[], bool]) -> Outcome:
        more = config.init, config.error_of
        return train_network(backend, claim, data, settings, after_epoch, taken, *more)

    return _Means(train, backend.clear_caches, backend.own_stream if at_once > 1 else nullcontext)


class _Worker:
    """Takes networks of a study, in each thread of a crew, until all are done."""

    def __init__(self, study: Study, means: _Means, crew: Crew, tell: Tell, grace: float) -> None:
        self._study, self._means, self._crew = study, means, crew
        self._tell, self._grace = tell, grace
        self._name = f"{socket.gethostname()}:{os.getpid()}"
        self._failures = 0

    def train_all(self, thread: int) -> None:
        """Train one network after another."""
        name = f"{self._name}:{thread}" if thread else self._name
        with self._means.own_stream():
            while self._crew.begin():
                claim = outcome = None
                try:
                    claim = self._study.claim(name, self._grace)
                    if claim is not None:
                        outcome, message = self._train(claim)
                finally:
                    self._crew.end(claim is not None, outcome == "done")
                if outcome is not None:
                    self._count(outcome, message)
                elif not self._study.is_training():
                    return
                else:
                    self._crew.stopped.wait(min(_POLL, self._grace))

    def _count(self, outcome: str, message: str) -> None:
        """Tell of a network. Raises `StudyError` after too many failures in a row."""
        if outcome != "taken":
            self._failures = self._failures + 1 if outcome == "failed" else 0
        self._tell(message)
        if self._failures == _FAILURES:
            raise StudyError(
                f"study {self._study.name}: networks must train; got {_FAILURES} consecutive "
                f"failures, last: {message}; fix the cause, then run anynet study retry"
            )

    def _train(self, claim: Claim) -> tuple[Literal["done", "failed", "taken"], str]:
        """Train a claimed network and store the result; returns the outcome and a line about it."""
        study, name = self._study, claim.network.name
        elsewhere = f"{name} was taken over by another worker while this one was suspended"

        def after_epoch(epoch: int, error: float) -> bool:
            return study.report(claim, epoch, error)

        try:
            with _heartbeat(study, claim, self._grace / _BEATS) as over:

                def taken() -> bool:
                    self._crew.check()
                    return over.is_set()

                outcome = self._means.train(claim, after_epoch, taken)
            kept = study.finish(claim, outcome.error, outcome.rows, outcome.seconds,
                                outcome.pruned, outcome.message)  # fmt: skip
            return ("done", f"{name} is done") if kept else ("taken", elsewhere)
        except TakenError:
            return "taken", elsewhere
        except KeyboardInterrupt:
            study.release(claim)
            raise
        except StudyError:
            raise
        except Exception as error:  # Whatever a framework raises concerns this network only.
            own = isinstance(error, ObjectiveError)
            told = str(error) if own else f"{type(error).__name__}: {error}"
            message = told.splitlines()[0][:500]
            kept = study.fail(claim, message)
            return ("failed", f"{name} failed: {message}") if kept else ("taken", elsewhere)


class _PrunedError(Exception):
    """The pruner stops the network's training."""


class _Watch:
    """Callback that collects the rows of a run and reports the error after each epoch."""

    def __init__(
        self,
        after_epoch: AfterEpoch,
        taken: Callable[[], bool],
        error_of: ErrorOf,
    ) -> None:
        self.rows: list[Row] = []
        self.error = 1.0
        self._after_epoch = after_epoch
        self._taken = taken
        self._error_of = error_of

    def on_step(self, step: int) -> None:
        """Do nothing."""

    def on_log(self, row: Row) -> None:
        """Collect a row. Raises `_PrunedError` or `TakenError`."""
        if self._taken():
            raise TakenError
        self.rows.append(row)
        if row["kind"] == EPOCH:
            error = 1 - row["val_accuracy"]
            self.error = min(self.error, error) if self._error_of == "least" else error
            if self._after_epoch(row["epoch"], error):
                raise _PrunedError

    def close(self) -> None:
        """Do nothing."""


@contextmanager
def _heartbeat(study: Study, claim: Claim, seconds: float) -> Iterator[threading.Event]:
    """Send a heartbeat from a thread every `seconds` seconds.

    The event is set when another worker has taken over the network of this one.
    """
    over, taken = threading.Event(), threading.Event()

    def beat() -> None:
        while not over.wait(seconds):
            try:
                if not study.beat(claim):
                    taken.set()
            except Exception:
                continue  # The storage is unreachable: the training itself will report that.

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield taken
    finally:
        over.set()
        thread.join()
