"""Creation of a study in a storage: whole, or not at all."""

from collections.abc import Iterator
from contextlib import contextmanager

import optuna
from optuna.storages import BaseStorage

from common.errors import StudyError
from common.studies.catalog import BEGUN, CONFIG
from common.studies.config import StudyConfig
from common.studies.storage import leaving_nothing, open_storage, storage_errors


@contextmanager
def creating(name: str, url: str, config: StudyConfig) -> Iterator[BaseStorage]:
    """Create an empty study, which the body fills; if it raises, the study is removed.

    Raises `StudyError` if the name is taken.
    """
    with leaving_nothing(url):
        storage = open_storage(url)
        with storage_errors(url):
            try:
                study = optuna.create_study(storage=storage, study_name=name, direction="minimize")
            except optuna.exceptions.DuplicatedStudyError as error:
                raise StudyError(
                    f"study {name}: its name must be free in the storage; got an existing study; "
                    "continue it with anynet study work, or choose another name"
                ) from error
            try:
                study.set_user_attr(BEGUN, True)
                yield storage
                # Set last: a study without a config is incomplete.
                study.set_user_attr(CONFIG, config.to_dict())
            except BaseException:
                storage.delete_study(study._study_id)
                raise
