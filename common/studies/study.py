"""A study in its storage: who trains which network, and what came of it."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import optuna
import sqlalchemy
import tenacity
from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from common.errors import StudyError
from common.studies.config import StudyConfig
from common.studies.networks import Network, draw
from common.studies.storage import exists, open_storage, storage_errors
from common.studies.trials import (
    GRACE,
    Result,
    again,
    by_network,
    is_stale,
    network_of,
    result_of,
    state_of,
    waiting_trials,
)
from common.training import Row

_CONFIG = "anynet"
"""Attribute of an Optuna study that makes it one of this project's."""

_PATIENCE = 120
"""Seconds that a worker waits for a storage that went away."""

T = TypeVar("T")


@dataclass(frozen=True)
class Claim:
    """A network that one worker has taken."""

    trial_id: int
    number: int
    network: Network


class Study:
    """A study, opened. Many processes on many machines may hold the same one.

    Every method may raise `StudyError` when the storage stays away.
    """

    def __init__(self, name: str, url: str, storage: BaseStorage, config: StudyConfig) -> None:
        self.name, self.url, self.config = name, url, config
        self._storage = storage
        pruner = (
            optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=2)
            if config.pruner == "halving"
            else optuna.pruners.NopPruner()
        )
        self._study = optuna.load_study(study_name=name, storage=storage, pruner=pruner)
        self._id = storage.get_study_id_from_name(name)

    @classmethod
    def create(cls, name: str, url: str, config: StudyConfig) -> "Study":
        """A new study with all its networks waiting. Raises `StudyError` when the name is taken."""
        storage = open_storage(url)
        with storage_errors(url):
            try:
                study = optuna.create_study(storage=storage, study_name=name, direction="minimize")
            except optuna.exceptions.DuplicatedStudyError as error:
                raise StudyError(
                    f"study {name}: its name must be free in the storage; got one that is there; "
                    "go on with it by anynet study work, or choose another name"
                ) from error
            opened = cls(name, url, storage, config)
            opened._add(0, config)
            # Last: a study that was not made to its end is none.
            study.set_user_attr(_CONFIG, config.to_dict())
        return opened

    @classmethod
    def open(cls, name: str, url: str) -> "Study":
        """A study that is there. Raises `StudyError` naming what is in the storage instead."""
        if not exists(url):
            raise StudyError(
                f"storage {url}: must be there; got no such file; anynet study create makes one"
            )
        storage = open_storage(url)
        with storage_errors(url):
            found = {study.study_name: study for study in storage.get_all_studies()}
            if name not in found:
                names = ", ".join(sorted(found)) or "none"
                raise StudyError(f"study {name}: must be in the storage; got {names}")
            config = found[name].user_attrs.get(_CONFIG)
            if config is None:
                raise StudyError(
                    f"study {name}: must be one that anynet study create made to its end; "
                    "got another one; choose another name"
                )
            return cls(name, url, storage, StudyConfig.from_dict(config, f"study {name}"))

    def results(self) -> list[Result]:
        """All networks with what is known of them, in the order of spaces and indices."""
        found = by_network(self._trials())
        order = [space.name for space in self.config.spaces]
        results = [result_of(trials) for trials in found.values()]
        return sorted(results, key=lambda r: (order.index(r.network.space), r.network.index))

    def counts(self) -> dict[str, dict[str, int]]:
        """Number of networks by space and state."""
        found: dict[str, dict[str, int]] = {space.name: {} for space in self.config.spaces}
        for trials in by_network(self._trials()).values():
            states = found[trials[0].params["space"]]
            states[state_of(trials)] = states.get(state_of(trials), 0) + 1
        return found

    def claim(self, worker: str, grace: float = GRACE) -> Claim | None:
        """Take the next network that waits; none when no network waits any more.

        Networks whose worker has not been heard of for `grace` seconds are queued again first.
        """
        while True:
            trials = self._trials()
            if self._queue_lost(trials, grace):
                trials = self._trials()
            waiting = [trial for trial in trials if trial.state == TrialState.WAITING]
            if not waiting:
                return None
            for trial in waiting:
                if self._take(trial, worker):
                    return Claim(trial._trial_id, trial.number, network_of(trial))

    def is_training(self) -> bool:
        """Whether some network is with a worker."""
        return any(trial.state == TrialState.RUNNING for trial in self._trials())

    def beat(self, claim: Claim) -> None:
        """Tell the others that the worker of `claim` is alive."""
        # A finished trial: the training is over, or another worker has the network now.
        with suppress(UpdateFinishedTrialError):
            self._storage.set_trial_user_attr(claim.trial_id, "heartbeat", time.time())

    def report(self, claim: Claim, epoch: int, error: float) -> bool:
        """Keep the error after an epoch; whether the pruner wants training to stop."""

        def tell() -> bool:
            self._storage.set_trial_intermediate_value(claim.trial_id, epoch, error)
            if self.config.pruner == "none" or epoch == self.config.training.epochs:
                return False
            trial = self._storage.get_trial(claim.trial_id)
            return self._study.pruner.prune(self._study, trial)

        return self._patiently(tell)

    def finish(
        self,
        claim: Claim,
        error: float,
        record: Sequence[Row],
        seconds: float,
        pruned: bool = False,
        message: str | None = None,
    ) -> bool:
        """Keep the result; false when another worker's result of the network is there already."""
        attributes: dict[str, Any] = {"record": list(record), "seconds": seconds}
        if message is not None:
            attributes["message"] = message
        state = TrialState.PRUNED if pruned else TrialState.COMPLETE
        return self._end(claim, state, attributes, [error])

    def fail(self, claim: Claim, message: str) -> bool:
        """Keep why the network could not be trained; it is not tried again unless told."""
        return self._end(claim, TrialState.FAIL, {"message": message})

    def release(self, claim: Claim) -> None:
        """Give a network back that was not trained to the end; it waits again."""
        self._end(claim, TrialState.WAITING, {})

    def retry(self, running: bool = False) -> int:
        """Queue failed networks again, with `running` also those that count as running."""
        trials = self._trials()
        if running:
            for trial in trials:
                if trial.state == TrialState.RUNNING:
                    self._end(Claim(trial._trial_id, trial.number, network_of(trial)),
                              TrialState.FAIL, {"message": "given up by hand"})  # fmt: skip
            trials = self._trials()
        failed = [own[-1] for own in by_network(trials).values() if state_of(own) == "failed"]
        self._patiently(lambda: self._study.add_trials(map(again, failed)))
        return len(failed)

    def extend(self, more: int) -> int:
        """Add `more` networks to each space; how many there are now."""
        if more < 1:
            raise StudyError(f"extend: must be by at least 1 network; got {more}")
        config = replace(self.config, networks=self.config.networks + more)
        self._add(self.config.networks, config)
        self._patiently(lambda: self._study.set_user_attr(_CONFIG, config.to_dict()))
        self.config = config
        return config.networks

    def _add(self, start: int, config: StudyConfig) -> None:
        """Queue the networks from `start` on, one of each space in turn: all grow alike."""
        there = by_network(self._trials())
        drawn = [draw(s, start, config.networks, config.seed) for s in config.spaces]
        networks = [one for group in zip(*drawn, strict=True) for one in group]
        missing = [network for network in networks if network.name not in there]
        names = [space.name for space in config.spaces]
        trials = waiting_trials(missing, names, config.training.resize)
        self._patiently(lambda: self._study.add_trials(trials))

    def _trials(self) -> list[FrozenTrial]:
        return self._patiently(lambda: self._storage.get_all_trials(self._id, deepcopy=False))

    def _take(self, trial: FrozenTrial, worker: str) -> bool:
        """Whether the network of a waiting trial is this worker's now."""
        trial_id = trial._trial_id

        def take() -> bool:
            # The heartbeat first: who dies right after taking a network has left one.
            self._storage.set_trial_user_attr(trial_id, "heartbeat", time.time())
            if not self._storage.set_trial_state_values(trial_id, TrialState.RUNNING):
                return False
            self._storage.set_trial_user_attr(trial_id, "worker", worker)
            return True

        try:
            taken = self._patiently(take)
        except UpdateFinishedTrialError:
            return False
        return taken and not self._is_double(trial)

    def _is_double(self, trial: FrozenTrial) -> bool:
        """Let go of a trial whose network another one trains or has trained.

        Two workers may queue the same lost network at once. Of the trials that could train it,
        a finished one wins, else the first.
        """
        own = [other for other in self._trials()
               if other.user_attrs["network"] == trial.user_attrs["network"]]  # fmt: skip
        done = any(other.state in (TrialState.COMPLETE, TrialState.PRUNED) for other in own)
        before = any(
            other.number < trial.number and other.state in (TrialState.RUNNING, TrialState.WAITING)
            for other in own
        )
        if done or before:
            claim = Claim(trial._trial_id, trial.number, network_of(trial))
            self._end(claim, TrialState.FAIL, {"double": True})
        return done or before

    def _queue_lost(self, trials: list[FrozenTrial], grace: float) -> bool:
        """Queue networks again whose worker is gone; whether the trials have changed."""
        stale = [trial for trial in trials if is_stale(trial, grace)]
        for trial in stale:
            # A finished trial: it ended meanwhile, or another worker saw it first.
            with suppress(UpdateFinishedTrialError):
                self._storage.set_trial_state_values(trial._trial_id, TrialState.FAIL)
        if stale:
            trials = self._trials()
        lost = [own[-1] for own in by_network(trials).values() if state_of(own) == "lost"]
        if lost:
            self._patiently(lambda: self._study.add_trials(map(again, lost)))
        return bool(stale or lost)

    def _end(
        self,
        claim: Claim,
        state: TrialState,
        attributes: dict[str, Any],
        values: Sequence[float] | None = None,
    ) -> bool:
        def end() -> bool:
            for name, value in attributes.items():
                self._storage.set_trial_user_attr(claim.trial_id, name, value)
            return self._storage.set_trial_state_values(claim.trial_id, state, values)

        try:
            return self._patiently(end)
        except UpdateFinishedTrialError:
            return False

    def _patiently(self, call: Callable[[], T]) -> T:
        """The result of `call`, tried again while the storage is away for a moment."""
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(
                (StorageInternalError, sqlalchemy.exc.SQLAlchemyError, OSError)
            ),
            wait=tenacity.wait_exponential(0.1, max=5),
            stop=tenacity.stop_after_delay(_PATIENCE),
            reraise=True,
        )
        with storage_errors(self.url):
            return retrying(call)
