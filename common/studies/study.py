"""A study in its storage: the queue of its networks, and their results."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import Any

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from common.errors import StudyError, shortened
from common.studies.catalog import CONFIG, find_study, open_existing
from common.studies.config import StudyConfig, check_name
from common.studies.creation import creating
from common.studies.database import PrunedStudy, Trials
from common.studies.fit import check_study
from common.studies.networks import SampledNetwork, draw_all
from common.studies.seeds import each_training, in_order, merged
from common.studies.storage import (
    T,
    opened_patiently,
    patiently,
    storage_errors,
)
from common.studies.table import Results
from common.studies.trials import (
    GRACE,
    Claim,
    Result,
    TakenError,
    again,
    by_network,
    claim_of,
    counted,
    is_double,
    is_stale,
    result_of,
    state_of,
    waiting_trials,
)
from common.training import Row

PATIENCE = 120
"""Seconds that a worker waits for an unreachable storage."""


class Study:
    """An open study. Many processes on many machines can open the same one.

    Every method may raise `StudyError` if the storage remains unreachable.
    """

    def __init__(self, name: str, url: str, storage: BaseStorage, config: StudyConfig) -> None:
        self.name, self.url, self.config = name, url, config
        self._storage = storage
        pruner = (
            optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=2)
            if config.pruner == "halving"
            else optuna.pruners.NopPruner()
        )
        self._all_trials = Trials(storage, storage.get_study_id_from_name(name))
        self._study = PrunedStudy(name, storage, pruner, self._all_trials)

    @classmethod
    def create(cls, name: str, url: str, config: StudyConfig) -> "Study":
        """Create a study and queue all its networks.

        Raises `StudyError` if the name is taken, and `ConfigError`, `DataError` or `SpecError` if
        the config or its data are invalid; the storage is then unchanged.
        """
        check_name("study", name)
        check_study(config)
        networks = draw_all(config)
        with creating(name, url, config) as storage:
            opened = cls(name, url, storage, config)
            opened._add(networks, config)
        return opened

    @classmethod
    def create_imported(
        cls, name: str, url: str, config: StudyConfig, trials: Sequence[FrozenTrial]
    ) -> "Study":
        """Create a study of finished trials; `import_study` makes them of a table."""
        check_name("study", name)
        with creating(name, url, config) as storage:
            opened = cls(name, url, storage, config)
            opened._study.add_trials(trials)
        return opened

    @classmethod
    def open(
        cls, name: str, url: str, patience: float = 0.0, tell: Callable[[str], None] = print
    ) -> "Study":
        """Open an existing study, waiting up to `patience` seconds for an unreachable server.

        `tell` receives a line before waiting. Raises `StudyError`, which lists the studies in the
        storage if this one is not among them.
        """

        def opened() -> "Study":
            storage = open_existing(url)
            with storage_errors(url):
                config = find_study(storage, name).user_attrs.get(CONFIG)
                if config is None:
                    raise StudyError(
                        f"study {shortened(name)}: must be created by anynet; got an incomplete "
                        "one or another program's; choose another name, or remove an incomplete "
                        "one with anynet study delete"
                    )
                return cls(name, url, storage, StudyConfig.from_dict(config, f"study {name}"))

        return opened_patiently(opened, url, patience, tell)

    def results(self) -> Results:
        """All networks with their states and results, ordered by space and index.

        A network that is trained with several seeds has one result: the mean (`merged`).
        """
        return Results(merged(self.trainings()))

    def trainings(self) -> list[Result]:
        """The results of all networks with each of the study's seeds."""
        results = map(result_of, by_network(self._trials()).values())
        return in_order(chain.from_iterable(map(each_training, results)), self.config)

    def counts(self) -> dict[str, dict[str, int]]:
        """The number of networks by space and state; each counts once for every seed."""
        return counted(self._trials(), [space.name for space in self.config.spaces])

    def claim(self, worker: str, grace: float = GRACE) -> Claim | None:
        """Take the next waiting network for `worker`; None if none is waiting.

        Networks whose worker has sent no heartbeat for `grace` seconds are requeued first.
        """
        while True:
            trials = self._trials()
            if self._queue_lost(trials, grace):
                trials = self._trials()
            waiting = [trial for trial in trials if trial.state == TrialState.WAITING]
            if not waiting:
                return None
            times = Counter(trial.user_attrs["network"] for trial in trials)
            for trial in waiting:
                if self._take(trial, worker, alone=times[trial.user_attrs["network"]] == 1):
                    taken = partial(self._storage.get_trial, trial._trial_id)
                    return claim_of(self._patiently(taken))

    def is_training(self) -> bool:
        """Whether any worker is training a network."""
        return any(trial.state == TrialState.RUNNING for trial in self._trials())

    def beat(self, claim: Claim) -> bool:
        """Record a heartbeat; False if another worker has taken over the claim's network."""
        try:
            self._storage.set_trial_user_attr(claim.trial_id, "heartbeat", time.time())
        except UpdateFinishedTrialError:
            return False
        return True

    def report(self, claim: Claim, epoch: int, error: float) -> bool:
        """Store the error after an epoch; returns whether the pruner stops the training.

        Raises `TakenError` if another worker has taken over the network.
        """

        def tell() -> bool:
            self._storage.set_trial_intermediate_value(claim.trial_id, epoch, error)
            if self.config.pruner == "none" or epoch == self.config.training.epochs:
                return False
            trial = self._storage.get_trial(claim.trial_id)
            return self._study.pruner.prune(self._study, trial)

        try:
            return self._patiently(tell)
        except UpdateFinishedTrialError as error:
            raise TakenError from error

    def finish(
        self,
        claim: Claim,
        error: float,
        record: Sequence[Row],
        seconds: float,
        pruned: bool = False,
        message: str | None = None,
    ) -> bool:
        """Store the result; False if another worker has already stored one for the network."""
        said = {} if message is None else {"message": message}
        attributes = {"record": list(record), "seconds": seconds, **said}
        state = TrialState.PRUNED if pruned else TrialState.COMPLETE
        return self._end(claim, state, attributes, [error])

    def fail(self, claim: Claim, message: str) -> bool:
        """Store why the network could not be trained; only `retry` requeues it."""
        return self._end(claim, TrialState.FAIL, {"message": message})

    def release(self, claim: Claim) -> None:
        """Return a network that was not fully trained to the queue."""
        self._end(claim, TrialState.WAITING, {})

    def retry(self, running: bool = False) -> int:
        """Requeue failed networks, with `running` also running ones; returns their number."""
        self.config.check_trains(f"study {self.name}")
        trials = self._trials()
        if running:
            for trial in trials:
                if trial.state == TrialState.RUNNING:
                    self._end(claim_of(trial), TrialState.FAIL, {"message": "given up by hand"})
            trials = self._trials()
        failed = [own[-1] for own in by_network(trials).values() if state_of(own) == "failed"]
        self._patiently(lambda: self._study.add_trials(map(again, failed)))
        return len(failed)

    def extend(self, more: int) -> int:
        """Add `more` networks to each space; returns the new number per space."""
        self.config.check_trains(f"study {self.name}")
        if more < 1:
            raise StudyError(f"extend: must add at least 1 network; got {more}")
        config = replace(self.config, networks=self.config.networks + more)
        self._add(draw_all(config, self.config.networks), config)
        self._patiently(lambda: self._study.set_user_attr(CONFIG, config.to_dict()))
        self.config = config
        return config.networks

    def _add(self, networks: Sequence[SampledNetwork], config: StudyConfig) -> None:
        """Queue those networks that the study does not have yet."""
        there = by_network(self._trials())
        missing = [network for network in networks if network.name not in there]
        names = [space.name for space in config.spaces]
        trials = waiting_trials(missing, names, config.training.resize)
        self._patiently(lambda: self._all_trials.add(trials))

    def _trials(self) -> list[FrozenTrial]:
        return self._patiently(self._all_trials.read)

    def _take(self, trial: FrozenTrial, worker: str, alone: bool) -> bool:
        """Take a waiting trial; returns whether this worker got its network.

        `alone` says that its network had no other trial: one that is added later gives way to it.
        """
        trial_id = trial._trial_id

        def take() -> bool:
            # The heartbeat first, in case the worker dies right after taking the network.
            self._storage.set_trial_user_attr(trial_id, "heartbeat", time.time())
            if not self._storage.set_trial_state_values(trial_id, TrialState.RUNNING):
                return False
            self._storage.set_trial_user_attr(trial_id, "worker", worker)
            return True

        try:
            taken = self._patiently(take)
        except UpdateFinishedTrialError:
            return False
        double = taken and not alone and is_double(trial, self._trials())
        if double:
            self._end(claim_of(trial), TrialState.FAIL, {"double": True})
        return taken and not double

    def _queue_lost(self, trials: list[FrozenTrial], grace: float) -> bool:
        """Requeue networks whose worker is gone; returns whether any trial has changed."""
        stale = [trial for trial in trials if is_stale(trial, grace)]
        for trial in stale:
            # Already finished: it ended meanwhile, or another worker failed it first.
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
        return patiently(call, self._storage, self.name, self.url, PATIENCE)
