"""A study in its storage: who trains which network, and what came of it."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from common.errors import StudyError, shortened
from common.studies.catalog import BEGUN, CONFIG, find_study, open_existing
from common.studies.config import StudyConfig, check_name
from common.studies.fit import check_study
from common.studies.networks import SampledNetwork, draw_all
from common.studies.storage import (
    T,
    leaving_nothing,
    open_storage,
    opened_patiently,
    patiently,
    storage_errors,
)
from common.studies.trials import (
    GRACE,
    Claim,
    Result,
    TakenError,
    again,
    by_network,
    checked,
    is_double,
    is_stale,
    network_of,
    result_of,
    state_of,
    waiting_trials,
)
from common.training import Row

PATIENCE = 120
"""Seconds that a worker waits for a storage that went away."""


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
        """A new study with all its networks waiting.

        Raises `StudyError` when the name is taken, and `ConfigError`, `DataError` or `SpecError`
        when the study cannot begin; nothing is left then.
        """
        check_name("study", name)
        check_study(config)
        networks = draw_all(config)
        with leaving_nothing(url):
            return cls._created(name, url, config, networks)

    @classmethod
    def _created(
        cls, name: str, url: str, config: StudyConfig, networks: Sequence[SampledNetwork]
    ) -> "Study":
        storage = open_storage(url)
        with storage_errors(url):
            try:
                study = optuna.create_study(storage=storage, study_name=name, direction="minimize")
            except optuna.exceptions.DuplicatedStudyError as error:
                raise StudyError(
                    f"study {name}: its name must be free in the storage; got one that is there; "
                    "go on with it by anynet study work, or choose another name"
                ) from error
            try:
                study.set_user_attr(BEGUN, True)
                opened = cls(name, url, storage, config)
                opened._add(networks, config)
                # Last: a study that was not made to its end is none.
                study.set_user_attr(CONFIG, config.to_dict())
            except BaseException:
                storage.delete_study(study._study_id)
                raise
        return opened

    @classmethod
    def open(
        cls, name: str, url: str, patience: float = 0.0, tell: Callable[[str], None] = print
    ) -> "Study":
        """A study that is there; a server that is away is waited for, for `patience` seconds.

        `tell` is given a line when there is something to wait for. Raises `StudyError` naming what
        is in the storage instead.
        """

        def opened() -> "Study":
            storage = open_existing(url)
            with storage_errors(url):
                config = find_study(storage, name).user_attrs.get(CONFIG)
                if config is None:
                    raise StudyError(
                        f"study {shortened(name)}: must be one that anynet study create made to "
                        "its end; got another one; choose another name, or anynet study delete it "
                        "if it is this project's"
                    )
                return cls(name, url, storage, StudyConfig.from_dict(config, f"study {name}"))

        return opened_patiently(opened, url, patience, tell)

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

    def beat(self, claim: Claim) -> bool:
        """Tell the others that the worker of `claim` is alive; false when its network is taken."""
        try:
            self._storage.set_trial_user_attr(claim.trial_id, "heartbeat", time.time())
        except UpdateFinishedTrialError:
            return False
        return True

    def report(self, claim: Claim, epoch: int, error: float) -> bool:
        """Keep the error after an epoch; whether the pruner wants training to stop.

        Raises `TakenError` when this worker was taken for gone and another one has the network.
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
        self._add(draw_all(config, self.config.networks), config)
        self._patiently(lambda: self._study.set_user_attr(CONFIG, config.to_dict()))
        self.config = config
        return config.networks

    def _add(self, networks: Sequence[SampledNetwork], config: StudyConfig) -> None:
        """Queue networks that are not there yet."""
        there = by_network(self._trials())
        missing = [network for network in networks if network.name not in there]
        names = [space.name for space in config.spaces]
        trials = waiting_trials(missing, names, config.training.resize)
        self._patiently(lambda: self._study.add_trials(trials))

    def _trials(self) -> list[FrozenTrial]:
        get_all = self._storage.get_all_trials
        return checked(self._patiently(lambda: get_all(self._id, deepcopy=False)))

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
        if taken and is_double(trial, self._trials()):
            self._end(Claim(trial_id, trial.number, network_of(trial)), TrialState.FAIL,
                      {"double": True})  # fmt: skip
            return False
        return taken

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
        return patiently(call, self._storage, self.name, self.url, PATIENCE)
