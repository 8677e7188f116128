"""Importing the packages: on the frameworks' current versions, and beside all other code."""

import json
import sys

import pytest

from common.backends import FRAMEWORKS
from common.memory import KEEP_MEMORY
from common.processes import run_python

_OF_MXNET = {"mxnet: arrays of NumPy": [[False, False], [True, True]]}
"""`npx.set_np`, which the layers of `mxnet.np` need for as long as the process runs."""


_KEPT = {"memory given back": [True, False]}
_ONE_AT_A_TIME = {"jax: jax_cpu_enable_async_dispatch": ["True", "False"]}
_CALLED = {"torch": _KEPT, "jax": _KEPT | _ONE_AT_A_TIME, "tf": {}, "mx": {}}
"""What `keep_freed_memory` changes."""


@pytest.fixture(scope="module")
def process(name, backend):
    """A process that imported the framework, then the package, and called `keep_freed_memory`."""
    framework = FRAMEWORKS[name]
    # MXNet 1.9.1 is the last one, and warns of itself.
    warnings = "ignore" if name == "mx" else "error"
    modules = [*framework.distributions, *(["flax.linen"] if name == "jax" else [])]
    return run_python(
        "-W", warnings, "-m", "tests.process_state", ",".join(modules), framework.package,
        "keep_freed_memory", variables={KEEP_MEMORY: "1"},
    )  # fmt: skip


@pytest.fixture(scope="module")
def changes(process):
    """What the import and the call changed."""
    return json.loads(process.stdout)


def test_the_package_uses_nothing_that_is_going_away(process):
    assert process.returncode == 0, process.stderr


def test_importing_the_package_changes_nothing_for_other_code(name, changes):
    assert changes["imported"] == (_OF_MXNET if name == "mx" else {})


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator")
def test_keeping_freed_memory_is_a_call_of_its_own(name, changes):
    assert changes["called"] == _CALLED[name]
    assert changes["result"] == bool(_CALLED[name])
