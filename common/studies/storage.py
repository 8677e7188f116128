"""Where studies live: an SQLite file, a PostgreSQL server, or Optuna's journal file."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import optuna
import sqlalchemy
from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError
from optuna.storages import BaseStorage, JournalStorage, RDBStorage, get_storage
from optuna.storages.journal import JournalFileBackend

from common.errors import AnyNetError, StudyError, shortened
from common.studies.owned import check_database, check_journal

JOURNAL = "journal:"
_PATIENCE = 60
"""Seconds to wait for another process to let go of an SQLite file."""


def open_storage(url: str) -> BaseStorage:
    """The storage at `url`: a path, `sqlite:///...`, `postgresql://...` or `journal:PATH`.

    It is made when it is not there. Raises `StudyError` when it cannot be reached or belongs to
    another version of Optuna.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    with storage_errors(url):
        if url.startswith(JOURNAL):
            path = Path(url.removeprefix(JOURNAL))
            check_journal(path)
            path.parent.mkdir(parents=True, exist_ok=True)
            return JournalStorage(JournalFileBackend(str(path)))
        return get_storage(_database(url))


def exists(url: str) -> bool:
    """Whether there may be a storage: a file that is named must be there."""
    path = _file(url)
    return path is None or path.exists()


@contextmanager
def storage_errors(url: str) -> Iterator[None]:
    """Turn what the storage raises into a `StudyError` that names it."""
    try:
        yield
    except (AnyNetError, UpdateFinishedTrialError):
        raise
    except Exception as error:  # a file that is damaged has as many as there are libraries below
        if isinstance(error, RuntimeError) and "table schema" in str(error):
            raise StudyError(
                f"storage {_shown(url)}: must be of the installed version of Optuna; got "
                f"{shortened(str(error))}; "
                f"run optuna storage upgrade --storage '{_shown(url)}' on a copy"
            ) from error
        cause = error.__cause__ if isinstance(error, StorageInternalError) else error
        lines = str(getattr(cause, "orig", None) or cause).strip().splitlines()
        raise StudyError(
            f"storage {_shown(url)}: must be reachable and writable; got "
            f"{shortened(lines[0] if lines else type(cause).__name__)}; "
            "what was finished before is kept"
        ) from error


def _database(url: str) -> RDBStorage:
    path = _file(url)
    if path is None:
        return RDBStorage(
            url.replace("postgresql://", "postgresql+psycopg://", 1),
            engine_kwargs={
                # Networks train for minutes: no connection is kept open meanwhile.
                "poolclass": sqlalchemy.pool.NullPool,
                # A server in SQL_ASCII would send bytes instead of text.
                "connect_args": {"client_encoding": "utf8"},
            },
        )
    check_database(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    storage = RDBStorage(
        f"sqlite:///{path}", engine_kwargs={"connect_args": {"timeout": _PATIENCE}}
    )
    _lock_whole_transactions(storage.engine)
    return storage


def _lock_whole_transactions(engine: sqlalchemy.Engine) -> None:
    """Let SQLite lock at the begin of a transaction instead of at its first write.

    Optuna reads a trial's state and then writes it: without this, two processes can both find a
    trial waiting and both take it. (SQLAlchemy's manual, "Serializable isolation / Savepoints".)
    """

    @sqlalchemy.event.listens_for(engine, "connect")
    def connect(connection: object, record: object) -> None:
        connection.isolation_level = None  # type: ignore[attr-defined]

    @sqlalchemy.event.listens_for(engine, "begin")
    def begin(connection: sqlalchemy.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    engine.dispose()


def _file(url: str) -> Path | None:
    """The file of an SQLite or journal storage."""
    if url.startswith(JOURNAL):
        return Path(url.removeprefix(JOURNAL))
    if url.startswith("sqlite:///"):
        return Path(url.removeprefix("sqlite:///"))
    return None if "://" in url else Path(url)


def _shown(url: str) -> str:
    """The address without its password."""
    if "://" not in url:
        return url
    return sqlalchemy.make_url(url).render_as_string(hide_password=True)
