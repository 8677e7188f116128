"""The command in an empty folder, and a storage for it."""

import pytest
from click.testing import CliRunner

from common.cli import main


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(main, [str(one) for one in arguments])


@pytest.fixture
def journal(monkeypatch):
    """A storage that is made faster than an SQLite file, for tests that do not need one."""
    monkeypatch.setenv("ANYNET_STORAGE", "journal:studies.log")
    return "journal:studies.log"
