"""A storage that another version of Optuna made."""

import sqlite3

import pytest

from common.errors import StudyError
from common.studies import Study
from tests.common.studies.conftest import storage_url


def _with_tables_of(version, folder):
    with sqlite3.connect(folder / "studies.db") as database:
        database.execute("update alembic_version set version_num = ?", (version,))
    database.close()
    return storage_url("sqlite", folder)


@pytest.mark.parametrize(
    ("version", "remedy"),
    [("v2.6.0.a", "run optuna storage upgrade --storage .* on a copy"),
     ("v99", "got tables of version v99, not .*; install the Optuna that made it")],
)  # fmt: skip
@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_tables_of_another_version_are_told_with_the_remedy(url, tmp_path, version, remedy):
    with pytest.raises(StudyError, match=remedy):
        Study.open("first", _with_tables_of(version, tmp_path))
