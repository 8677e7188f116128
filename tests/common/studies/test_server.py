"""Waiting for a server that restarts while a worker starts."""

import sys

import pytest
import sqlalchemy

from common.errors import StudyError
from common.studies import Study
from common.studies.storage import open_storage, storage_errors
from tests.common.studies.conftest import CONFIG


class _Restarting:
    """A server that is away for the first `times` calls."""

    def __init__(self, url, reason, times):
        self._storage, self._reason, self._times = open_storage(url), reason, times
        self.calls = 0

    def __call__(self, url):
        self.calls += 1
        if self.calls <= self._times:
            with storage_errors(url):
                raise sqlalchemy.exc.OperationalError("", {}, Exception(self._reason))
        return self._storage


_SERVER = "postgresql://me:secret@server/studies"


def test_without_its_driver_a_server_is_one_clear_error(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StudyError, match=r"needs a driver; .* pip install '\.\[postgresql\]'"):
        Study.open("first", _SERVER)


def test_a_worker_waits_for_a_server_that_restarts(url, monkeypatch):
    server = _Restarting(url, "the database system is starting up", 3)
    monkeypatch.setattr("common.studies.catalog.open_storage", server)
    said = []
    assert Study.open("first", _SERVER, 60, said.append).config == CONFIG
    assert server.calls == 4
    (line,) = said
    assert "starting up" in line
    assert "waiting for up to 60 seconds" in line
    assert "secret" not in line


@pytest.mark.parametrize(
    ("reason", "patience"),
    [("connection refused", 0.0), ('database "studies" does not exist', 60)],
)
def test_nobody_waits_for_what_does_not_change(url, monkeypatch, reason, patience):
    server = _Restarting(url, reason, 3)
    monkeypatch.setattr("common.studies.catalog.open_storage", server)
    with pytest.raises(StudyError, match=reason):
        Study.open("first", _SERVER, patience)
    assert server.calls == 1
