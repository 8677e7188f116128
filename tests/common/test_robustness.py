"""Every reader of files gives its own error, or a valid value, for files changed at random."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.robustness.readers import readers

_ROOT = Path(__file__).parents[2]
_MUTANTS = 2000
_NAMES = [name for name in readers() if name != "pth"]


@pytest.fixture(scope="module")
def found():
    """What became of the mutants by reader, in a process whose memory and time are limited."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.robustness", "--json"]
    done = subprocess.run(
        [*command, "--mutants", str(_MUTANTS), *_NAMES], capture_output=True, text=True, cwd=_ROOT
    )
    assert done.stdout, done.stderr
    return {row["reader"]: row for row in json.loads(done.stdout)}


@pytest.mark.parametrize("name", _NAMES)
def test_a_changed_file_is_refused_in_the_project_s_words_or_read(found, name):
    row = found[name]
    assert row["escaped"] == []
    assert row["refused"] + row["read"] == row["mutants"]
