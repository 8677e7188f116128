"""Importing the packages on the frameworks' current versions."""

import subprocess
import sys

import pytest

from common.backends import FRAMEWORKS


def test_the_package_uses_nothing_that_is_going_away(backend, name):
    if name == "mx":
        pytest.skip("MXNet 1.9.1 is the last one, and warns of itself")
    code = f"import {FRAMEWORKS[name].package}"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
