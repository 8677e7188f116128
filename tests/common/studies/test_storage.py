"""A storage that another version of Optuna made, or that is damaged."""

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


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_nobody_waits_for_a_damaged_file(url, tmp_path, monkeypatch):
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda seconds: pytest.fail("it waits"))
    with sqlite3.connect(tmp_path / "studies.db") as database:
        database.execute("alter table trial_values rename column value to worth")
    database.close()
    with pytest.raises(StudyError, match="no such column"):
        Study.open("first", url).results()
