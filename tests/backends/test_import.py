"""Importing the packages: on the frameworks' current versions, and beside all other code."""

import json
import sys

import pytest

from common.backends import FRAMEWORKS
from common.memory import KEEP_MEMORY
from common.processes import run_python


@pytest.fixture(scope="module")
def process(name, backend, native):
    """A process that imported the framework, then the package, and called `keep_freed_memory`."""
    warnings = "ignore" if native.IMPORTED_WITH_WARNINGS else "error"
    return run_python(
        "-W", warnings, "-m", "tests.process_state", ",".join(native.IMPORTS),
        FRAMEWORKS[name].package, "keep_freed_memory", variables={KEEP_MEMORY: "1"},
    )  # fmt: skip


@pytest.fixture(scope="module")
def changes(process):
    """What the import and the call changed."""
    return json.loads(process.stdout)


def test_the_package_uses_nothing_that_is_going_away(process):
    assert process.returncode == 0, process.stderr


def test_importing_the_package_changes_nothing_for_other_code(native, changes):
    assert changes["imported"] == native.IMPORTED


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator")
def test_keeping_freed_memory_is_a_call_of_its_own(backend, native, changes):
    assert changes["called"] == native.KEEPING_MEMORY
    assert changes["result"] == bool(native.KEEPING_MEMORY) == backend.SUPPORTS_KEEPING_MEMORY
