"""Opening storages of studies: an SQLite file, a PostgreSQL server, or an Optuna journal."""

import glob
import logging
import shlex
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, TypeVar

import optuna
import sqlalchemy
import tenacity
from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError
from optuna.storages import BaseStorage, JournalStorage, RDBStorage, get_storage
from optuna.storages.journal import JournalFileBackend

from common.errors import AnyNetError, StudyError, shortened, told
from common.installs import how_to_install
from common.studies.address import JOURNAL, SQLITE, shown, storage_file, without_password
from common.studies.owned import check_database, check_journal

_PATIENCE = 60
"""Seconds to wait for another process to release the lock of an SQLite file."""

_FOR_GOOD: Final = ("does not exist", "authentication failed", "no password", "pg_hba.conf")
"""Parts of a PostgreSQL server's messages that waiting does not resolve.

Only the text tells: psycopg 3.3 gives no SQLSTATE for a connection that was not established.
"""

_AWAY: Final = (StorageInternalError, sqlalchemy.exc.SQLAlchemyError, OSError)
"""Exceptions of an unreachable storage."""

_BROKEN: Final = (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
"""Codes of an SQLite file that is damaged or has other tables, which waiting does not resolve."""

T = TypeVar("T")


def open_storage(url: str) -> BaseStorage:
    """The storage at `url`: a path, `sqlite:///...`, `postgresql://...` or `journal:PATH`.

    It is created if it does not exist. Raises `StudyError` if it cannot be reached or was created
    by another version of Optuna.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    path = storage_file(url)
    with storage_errors(url):
        if path is None:
            return get_storage(_of_this_version(_server(url), url))
        (check_journal if url.startswith(JOURNAL) else check_database)(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        if url.startswith(JOURNAL):
            return JournalStorage(JournalFileBackend(str(path)))
        return get_storage(_of_this_version(_database(path), url))


def _of_this_version(storage: RDBStorage, url: str) -> RDBStorage:
    """The storage, unchanged. Raises `StudyError` if its schema is of another version of Optuna."""
    found, needed = storage.get_current_version(), storage.get_head_version()
    if found == needed:
        return storage
    remedy = "install the Optuna that made it"
    if found in storage.get_all_versions():
        upgrade = shlex.join(("optuna", "storage", "upgrade", "--storage", shown(url)))
        remedy = f"run {upgrade} on a copy"
    raise StudyError(
        f"{_named(url)}: must have the schema of the installed Optuna; got tables of version "
        f"{shortened(found)}, not {needed}; {remedy}"
    )


def _named(url: str) -> str:
    return f"storage {shortened(shown(url))}"


@contextmanager
def leaving_nothing(url: str) -> Iterator[None]:
    """If the body raises, remove the file and folders of a storage that did not exist before."""
    path = storage_file(url)
    if path is None or path.exists():
        yield
        return
    new = [folder for folder in path.absolute().parents if not folder.exists()]
    try:
        yield
    except BaseException:
        # Another process may have created a study in the same new file meanwhile.
        if not path.exists() or not path.stat().st_size or _is_empty(url):
            for file in (path, *path.parent.glob(f"{glob.escape(path.name)}.lock*")):
                with suppress(OSError):
                    file.unlink()
            with suppress(OSError):  # another process has put something there
                for folder in new:
                    folder.rmdir()
        raise


def _is_empty(url: str) -> bool:
    """Whether a storage is readable and contains no study."""
    try:
        return not open_storage(url).get_all_studies()
    except StudyError:
        return False


def patiently(
    call: Callable[[], T], storage: BaseStorage, name: str, url: str, seconds: float
) -> T:
    """The result of `call` on a study, retried for up to `seconds` while it is unreachable.

    Raises `StudyError`, also if the study was deleted.
    """
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(_is_temporary),
        wait=tenacity.wait_exponential(0.1, max=5),
        stop=tenacity.stop_after_delay(seconds),
        reraise=True,
    )
    with storage_errors(url):
        try:
            return retrying(call)
        except KeyError as error:
            if any(study.study_name == name for study in storage.get_all_studies()):
                raise
            gone = f"{_named(url)}: must still contain the study; got a deleted one"
            raise StudyError(gone) from error


def opened_patiently(
    call: Callable[[], T], url: str, seconds: float, tell: Callable[[str], None]
) -> T:
    """The result of `call`, which opens a storage; retried while its server is unreachable.

    `tell` is called once before the first wait. Raises `StudyError`, immediately if waiting cannot
    help.
    """

    def wait(state: tenacity.RetryCallState) -> None:
        if state.attempt_number == 1 and state.outcome is not None:
            tell(f"{state.outcome.exception()}; waiting for up to {seconds:g} seconds")

    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(_passes),
        wait=tenacity.wait_exponential(0.1, max=5),
        stop=tenacity.stop_after_delay(seconds),
        before_sleep=wait,
        reraise=True,
    )
    return retrying(call) if storage_file(url) is None and seconds else call()


def _passes(error: BaseException) -> bool:
    """Whether a `StudyError` may be temporary."""
    away = isinstance(error, StudyError) and error.__cause__ and _is_temporary(error.__cause__)
    return bool(away) and not any(words in str(error) for words in _FOR_GOOD)


def _is_temporary(error: BaseException) -> bool:
    """Whether an exception of a storage may be temporary."""
    cause = error.__cause__ if isinstance(error, StorageInternalError) else error
    code: int | None = getattr(getattr(cause, "orig", None), "sqlite_errorcode", None)
    is_broken = code is not None and code & 0xFF in _BROKEN  # the rest of a code is detail
    return isinstance(error, _AWAY) and not is_broken


@contextmanager
def storage_errors(url: str) -> Iterator[None]:
    """Convert exceptions of the storage to a `StudyError` that names it."""
    try:
        yield
    except (AnyNetError, UpdateFinishedTrialError):
        raise
    except Exception as error:  # a damaged file can raise any exception of the libraries below
        raise _as_study_error(url, error) from error


def _as_study_error(url: str, error: Exception) -> StudyError:
    if isinstance(error, ImportError):
        remedy = how_to_install("postgresql")
        return StudyError(f"{_named(url)}: needs a driver; got {told(error)}; {remedy}")
    cause = error.__cause__ if isinstance(error, StorageInternalError) else error
    lines = str(getattr(cause, "orig", None) or cause).strip().splitlines()
    got = shortened(lines[0] if lines else type(cause).__name__)
    return StudyError(
        f"{_named(url)}: must be reachable and writable; got {without_password(url, got)}; "
        "finished results are kept"
    )


_NO_POOL: Final = {"poolclass": sqlalchemy.pool.NullPool}
"""Close each connection after its transaction, since minutes of training lie in between."""


def _server(url: str) -> RDBStorage:
    return RDBStorage(
        sqlalchemy.make_url(url)
        .set(drivername="postgresql+psycopg")
        .render_as_string(hide_password=False)
        .replace("{", "{{")
        .replace("}", "}}"),
        engine_kwargs={
            **_NO_POOL,
            # Without this, a server with encoding SQL_ASCII returns bytes instead of text.
            "connect_args": {"client_encoding": "utf8"},
        },
        skip_compatibility_check=True,  # `_of_this_version` checks
    )


def _database(path: Path) -> RDBStorage:
    name = str(path).replace("{", "{{").replace("}", "}}")  # Optuna calls str.format on it
    settings = {**_NO_POOL, "connect_args": {"timeout": _PATIENCE}}
    storage = RDBStorage(f"{SQLITE}{name}", settings, skip_compatibility_check=True)
    _lock_whole_transactions(storage.engine)
    return storage


def _lock_whole_transactions(engine: sqlalchemy.Engine) -> None:
    """Make SQLite take its lock at the start of a transaction, not at the first write.

    Optuna reads a trial's state and then writes it; otherwise two processes could both find a
    trial waiting and both take it. (SQLAlchemy's manual, "Serializable isolation / Savepoints".)
    """

    @sqlalchemy.event.listens_for(engine, "connect")
    def connect(connection: sqlite3.Connection, record: object) -> None:
        connection.isolation_level = None

    @sqlalchemy.event.listens_for(engine, "begin")
    def begin(connection: sqlalchemy.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    engine.dispose()
