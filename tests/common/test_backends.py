"""How a backend is started for training, with a stand-in for its framework."""

import os
from types import SimpleNamespace

import pytest

from common import backends
from common.backends import LARGE_STEP, start_backend

_BOTH = {"MXNET_ENGINE_TYPE": "NaiveEngine", "MXNET_OMP_MAX_THREADS": "4"}
_NAMES = ("OMP_NUM_THREADS", *_BOTH)


@pytest.fixture
def started(monkeypatch):
    """Starts MXNet on four cores; the variables that it is imported with."""
    seen = []
    monkeypatch.setattr(os, "environ", {k: v for k, v in os.environ.items() if k not in _NAMES})
    monkeypatch.setattr(backends, "physical_cores", lambda: 4)
    monkeypatch.setattr(backends, "find_nvidia", lambda: None)

    def load(name):
        seen.append({key: os.environ[key] for key in _NAMES if key in os.environ})
        return SimpleNamespace(keep_freed_memory=lambda: True)

    monkeypatch.setattr(backends, "load_backend", load)

    def start(name, flops):
        start_backend(name, flops)
        return seen[-1]

    return start


@pytest.mark.parametrize(
    ("name", "flops", "expected"),
    [
        ("mx", 4 * LARGE_STEP, _BOTH),
        ("mx", 4 * LARGE_STEP - 1, {}),
        ("mx", 0, {}),
        ("torch", 1e12, {}),
    ],
)
def test_mxnet_computes_large_steps_with_all_cores(started, name, flops, expected):
    assert started(name, flops) == expected


@pytest.mark.parametrize("name", _NAMES)
def test_what_a_user_says_of_threads_stays(started, name):
    os.environ[name] = "user's"
    assert started("mx", 4 * LARGE_STEP) == {name: "user's"}


@pytest.mark.parametrize("changed", ["a GPU", "unknown cores"])
def test_elsewhere_nothing_is_set(started, changed, monkeypatch):
    if changed == "a GPU":
        monkeypatch.setattr(backends, "find_nvidia", lambda: "NVIDIA H100")
    else:
        monkeypatch.setattr(backends, "physical_cores", lambda: None)
    assert started("mx", 4 * LARGE_STEP) == {}
