"""The trials of a study in a database: many are written at a time, and read when they changed."""

import copy
import json
from collections.abc import Container, Iterator, Sequence
from threading import Lock
from typing import Any, Final

import optuna
import sqlalchemy
from optuna.distributions import distribution_to_json
from optuna.pruners import BasePruner
from optuna.storages import BaseStorage, RDBStorage
from optuna.storages._rdb import models
from optuna.trial import FrozenTrial, TrialState

from common.studies.trials import checked

_STUDY: Final = models.StudyModel.__table__
_TRIAL: Final = models.TrialModel.__table__
_PARAM: Final = models.TrialParamModel.__table__
_ATTRIBUTE: Final = models.TrialUserAttributeModel.__table__
"""Optuna's tables; `open_storage` refuses those of another version."""

_STATES: Final = sqlalchemy.text(
    "SELECT trial_id, state, datetime_start FROM trials WHERE study_id = :study"
)


class Trials:
    """The trials of a study in a storage, for several threads.

    Optuna reads all unfinished trials of a database anew whenever it is asked for trials, with all
    their parameters and attributes: 1 ms for each waiting network, for each that a worker claims.
    A waiting or finished trial does not change, so here only its state is read again. Journals
    are read by Optuna, which keeps them in memory.
    """

    def __init__(self, storage: BaseStorage, study_id: int) -> None:
        self._storage, self._id = storage, study_id
        database = getattr(storage, "_backend", None)
        self._database = database if isinstance(database, RDBStorage) else None
        self._trials: dict[int, FrozenTrial] = {}
        self._seen: dict[int, tuple[Any, ...]] = {}
        self._lock = Lock()

    def read(self) -> list[FrozenTrial]:
        """All trials by their numbers; they must not be changed.

        Raises `StudyError` for a modified storage, and exceptions of the storage.
        """
        if self._database is None:
            return checked(self._storage.get_all_trials(self._id, deepcopy=False))
        with self._lock:
            self._update(self._database)
            return sorted(self._trials.values(), key=lambda trial: trial.number)

    def add(self, trials: Sequence[FrozenTrial]) -> None:
        """Add waiting trials; to a database all or none, and without a query for each value."""
        if self._database is None:
            for trial in trials:
                self._storage.create_new_trial(self._id, trial)
            return
        study = sqlalchemy.select(_STUDY.c.study_id).where(_STUDY.c.study_id == self._id)
        count = sqlalchemy.select(sqlalchemy.func.count()).where(_TRIAL.c.study_id == self._id)
        params: list[dict[str, Any]] = []
        attributes: list[dict[str, Any]] = []
        with self._database.engine.begin() as connection:
            # Locked, as by Optuna: the numbers of trials follow one another.
            if connection.execute(study.with_for_update()).first() is None:
                raise KeyError(self._id)
            for number, trial in enumerate(trials, connection.execute(count).scalar_one()):
                row = {"number": number, "study_id": self._id, "state": TrialState.WAITING}
                added = connection.execute(sqlalchemy.insert(_TRIAL).values(row))
                trial_id: int = added.inserted_primary_key[0]  # type: ignore[index]
                params += _params(trial_id, trial)
                attributes += _attributes(trial_id, trial)
            if trials:
                connection.execute(sqlalchemy.insert(_PARAM), params)
                connection.execute(sqlalchemy.insert(_ATTRIBUTE), attributes)

    def _update(self, database: RDBStorage) -> None:
        with database.engine.connect() as connection:
            rows = connection.execute(_STATES, {"study": self._id}).all()
        seen = {row.trial_id: (row.state, row.datetime_start) for row in rows}
        changed = {
            trial_id
            for trial_id, now in seen.items()
            if now[0] == "RUNNING" or self._seen.get(trial_id) != now
        }
        if changed or not seen:  # a deleted study is an error there
            known = max(self._trials, default=-1)
            for trial in checked(database._get_trials(self._id, None, changed, known)):
                self._trials[trial._trial_id] = trial
        self._seen = seen


def _params(trial_id: int, trial: FrozenTrial) -> Iterator[dict[str, Any]]:
    for name, value in trial.params.items():
        distribution = trial.distributions[name]
        yield {
            "trial_id": trial_id,
            "param_name": name,
            "param_value": distribution.to_internal_repr(value),
            "distribution_json": distribution_to_json(distribution),
        }


def _attributes(trial_id: int, trial: FrozenTrial) -> Iterator[dict[str, Any]]:
    for key, value in trial.user_attrs.items():
        yield {"trial_id": trial_id, "key": key, "value_json": json.dumps(value)}


class PrunedStudy(optuna.Study):
    """Optuna's study for a pruner, which asks for all trials after every epoch of a network."""

    def __init__(self, name: str, storage: BaseStorage, pruner: BasePruner, trials: Trials) -> None:
        super().__init__(name, storage, pruner=pruner)
        self._all_trials = trials

    def get_trials(
        self, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        """All trials by their numbers, or those in some states."""
        found = [one for one in self._all_trials.read() if states is None or one.state in states]
        return copy.deepcopy(found) if deepcopy else found
