"""How a backend is started for training, with a stand-in for its framework."""

import os
from types import SimpleNamespace

import pytest

from common import backends
from common.backends import LARGE_STEP, start_backend

_BOTH = {"MXNET_ENGINE_TYPE": "NaiveEngine", "MXNET_OMP_MAX_THREADS": "4"}
_ONEDNN = {"TF_ENABLE_ONEDNN_OPTS": "1"}
_SAID = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")
_NAMES = (*_SAID, *_BOTH, *_ONEDNN)


@pytest.fixture
def started(monkeypatch):
    """Starts a backend on four cores; the variables that it is imported with."""
    seen = []
    monkeypatch.setattr(os, "environ", {k: v for k, v in os.environ.items() if k not in _NAMES})
    monkeypatch.setattr(backends, "physical_cores", lambda: 4)
    monkeypatch.setattr(backends, "find_nvidia", lambda: None)

    def load(name):
        seen.append({key: os.environ[key] for key in _NAMES if key in os.environ})
        return SimpleNamespace(keep_freed_memory=lambda: True)

    monkeypatch.setattr(backends, "load_backend", load)

    def start(*arguments):
        start_backend(*arguments)
        return seen[-1]

    return start


@pytest.mark.parametrize(
    ("name", "expected"), [("mx", _BOTH), ("tf", _ONEDNN), ("torch", {}), ("jax", {})]
)
def test_frameworks_are_set_up_for_large_steps(started, name, expected):
    assert started(name, 4 * LARGE_STEP - 1) == {}
    assert started(name, 0) == {}
    assert started(name, 4 * LARGE_STEP) == expected


@pytest.mark.parametrize(("name", "expected"), [("mx", _BOTH), ("tf", _ONEDNN)])
def test_frameworks_are_set_up_for_predictions(started, name, expected):
    assert started(name) == expected


@pytest.mark.parametrize(
    ("backend", "name"),
    [("mx", name) for name in (*_SAID, *_BOTH)] + [("tf", name) for name in (*_SAID, *_ONEDNN)],
)
def test_what_a_user_says_stays(started, backend, name):
    os.environ[name] = "user's"
    assert started(backend) == {name: "user's"}


@pytest.mark.parametrize("changed", ["a GPU", "unknown cores"])
def test_elsewhere_nothing_is_set(started, changed, monkeypatch):
    if changed == "a GPU":
        monkeypatch.setattr(backends, "find_nvidia", lambda: "NVIDIA H100")
    else:
        monkeypatch.setattr(backends, "physical_cores", lambda: None)
    assert started("mx") == started("tf") == {}
