"""Checks that an existing file is a storage of studies before writing to it."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final
from urllib.parse import quote

from common.errors import StudyError
from common.files import open_regular

_TABLES: Final = frozenset({"studies", "version_info", "alembic_version", "trials"})
"""Tables of Optuna; every storage has at least one of them after its first transaction."""

_LONGEST: Final = 1 << 16
"""Maximum number of bytes read of a journal's first line."""


def check_journal(path: Path) -> None:
    """Raise `StudyError` unless `path` is free, empty or an Optuna journal."""
    if not path.exists():
        return
    try:
        with open_regular(path) as file:
            line = file.readline(_LONGEST)
        ours = not line or "op_code" in json.loads(line)
    except (OSError, ValueError, TypeError, RecursionError):
        ours = False
    if not ours:
        raise StudyError(
            f"storage journal:{path}: must be a free name or a journal of studies; got another "
            "file; name another one"
        )


def check_database(path: Path) -> None:
    """Raise `StudyError` if `path` is an SQLite file without any of Optuna's tables.

    Other files need no check here: SQLite refuses to write to them.
    """
    if not path.is_file():
        return
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)) as database:
            rows = database.execute("select name from sqlite_master where type = 'table'")
            tables = {name for (name,) in rows}
    except sqlite3.Error:
        return
    if tables and not tables & _TABLES:
        raise StudyError(
            f"storage {path}: must be a free name or a database of studies; got one with other "
            "tables; name another file"
        )
