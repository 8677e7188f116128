"""The studies in a storage: listing, finding and deleting them."""

from dataclasses import dataclass
from typing import Final

import optuna
from optuna.storages import BaseStorage
from optuna.study._frozen import FrozenStudy
from optuna.trial import TrialState

from common.errors import ConfigError, StudyError, shortened
from common.studies.address import exists, shown
from common.studies.config import StudyConfig
from common.studies.storage import open_storage, storage_errors
from common.studies.trials import GRACE, is_stale

CONFIG: Final = "anynet"
"""Attribute that marks an Optuna study as one of this project's, and holds its config."""

BEGUN: Final = "anynet-begun"
"""Attribute of a study whose networks are being queued; the config is set once all are."""


@dataclass(frozen=True)
class Entry:
    """A study in a storage: its spaces, and how many of its networks are done.

    Each network counts once for every seed. `state` is `ready`, `unfinished` if its creation was
    interrupted, or `unreadable` if it was written by another version of this project.
    """

    name: str
    state: str
    spaces: tuple[str, ...] = ()
    networks: int = 0
    done: int = 0


def list_studies(url: str) -> list[Entry]:
    """This project's studies in an existing storage, sorted by name. Raises `StudyError`."""
    storage = open_existing(url)
    with storage_errors(url):
        found = sorted(storage.get_all_studies(), key=lambda study: study.study_name)
        return [_entry(storage, study) for study in found if _is_ours(study)]


def delete_study(name: str, url: str, running: bool = False) -> None:
    """Delete a study with all its results, even if its creation was interrupted.

    Raises `StudyError` for a study of another program, and while workers train its networks, unless
    `running` is set, which asserts that they are gone.
    """
    storage = open_existing(url)
    with storage_errors(url):
        study = find_study(storage, name)
        if not _is_ours(study):
            raise StudyError(
                f"study {name}: must be created by anynet; got another program's study, which is "
                "not changed"
            )
        trials = storage.get_all_trials(
            study._study_id, deepcopy=False, states=(TrialState.RUNNING,)
        )
        alive = sum(not is_stale(trial, GRACE) for trial in trials)
        if alive and not running:
            raise StudyError(
                f"study {name}: must have no workers; got {alive} networks in training; stop the "
                "workers first, or pass --running if they are gone"
            )
        optuna.delete_study(study_name=name, storage=storage)


def open_existing(url: str) -> BaseStorage:
    """Open an existing storage. Raises `StudyError`."""
    if not exists(url):
        raise StudyError(
            f"storage {shown(url)}: must exist; got no such file; anynet study create makes one"
        )
    return open_storage(url)


def has_study(name: str, url: str) -> bool:
    """Whether the storage exists and contains a study of that name. Raises `StudyError`."""
    if not exists(url):
        return False
    storage = open_storage(url)
    with storage_errors(url):
        return any(study.study_name == name for study in storage.get_all_studies())


def find_study(storage: BaseStorage, name: str) -> FrozenStudy:
    """The study of that name. Raises `StudyError`, listing the studies in the storage."""
    found = {study.study_name: study for study in storage.get_all_studies()}
    if name not in found:
        names = shortened(", ".join(sorted(found)) or "none")
        raise StudyError(f"study {shortened(name)}: must be in the storage; got {names}")
    return found[name]


def _is_ours(study: FrozenStudy) -> bool:
    return CONFIG in study.user_attrs or BEGUN in study.user_attrs


def _entry(storage: BaseStorage, study: FrozenStudy) -> Entry:
    if CONFIG not in study.user_attrs:
        return Entry(study.study_name, "unfinished")
    try:
        config = StudyConfig.from_dict(study.user_attrs[CONFIG], f"study {study.study_name}")
    except ConfigError:
        return Entry(study.study_name, "unreadable")
    done = storage.get_n_trials(study._study_id, (TrialState.COMPLETE, TrialState.PRUNED))
    spaces = tuple(space.name for space in config.spaces)
    total = config.networks * len(spaces) * config.seeds
    if config.imported is not None:
        total = storage.get_n_trials(study._study_id)
    return Entry(study.study_name, "ready", spaces, total, done)
