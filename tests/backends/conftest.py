"""Every test here runs once per framework; `ANYNET_BACKEND` names the one that must be there."""

import os
import warnings

import pytest

from common.backends import FRAMEWORKS, load_backend
from tests.backends.native import open_native
from tests.curves import empty_curves  # noqa: F401  a fixture

_REQUIRED = os.environ.get("ANYNET_BACKEND")


def pytest_generate_tests(metafunc):
    if "name" in metafunc.fixturenames:
        names = [_REQUIRED] if _REQUIRED else list(FRAMEWORKS)
        metafunc.parametrize("name", names, scope="session")


@pytest.hookimpl(tryfirst=True)  # before tests are chosen by their marks
def pytest_collection_modifyitems(items):
    for item in items:
        bare = item.get_closest_marker("bare")
        if bare and item.callspec.params["name"] not in bare.args:
            item.add_marker("full")


@pytest.fixture(scope="session")
def backend(name):
    """The package of one framework."""
    missing = FRAMEWORKS[name].missing
    if missing and name == _REQUIRED:
        pytest.fail(f"this session must have {', '.join(missing)}")
    if missing:
        pytest.skip(f"{', '.join(missing)} not installed")
    with warnings.catch_warnings():
        # MXNet 1.9.1 was written before much of what it uses was deprecated.
        warnings.simplefilter("ignore", DeprecationWarning)
        return load_backend(name)


@pytest.fixture(scope="session")
def native(name, backend):
    """What a test must know of the framework itself."""
    return open_native(name)
