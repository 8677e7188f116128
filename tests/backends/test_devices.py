"""Training on two devices is training on one, up to rounding."""

import json
import os
import subprocess
import sys

import pytest

from common import AnyNetSpec
from common.errors import BackendError, ConfigError
from tests.batches import Batches

_WITHIN = 1e-12


@pytest.fixture(scope="module")
def runs(backend, name, tmp_path_factory):
    """What `several.py` prints of a framework that trains on several devices."""
    if not backend.SUPPORTS_SEVERAL_DEVICES:
        pytest.skip("trains on one device")
    folder = tmp_path_factory.mktemp("several")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.backends.several", name, str(folder)],
        capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _close(one, other):
    if isinstance(one, float):
        return abs(one - other) <= _WITHIN
    return one == other


_COMPILES_TWICE = pytest.mark.bare("torch", "mx", "tf")
"""JAX does, for half a minute: there in `nox -s full`."""


@_COMPILES_TWICE
@pytest.mark.parametrize("kind", ["start", "interval", "epoch", "end"])
def test_two_devices_write_the_record_of_one(runs, kind):
    pairs = zip(runs["one"], runs["two"], strict=True)
    rows = [(one, two) for one, two in pairs if one["kind"] == kind]
    assert rows
    assert [
        (key, one[key], two[key])
        for one, two in rows
        for key in one.keys() | two.keys()
        if not _close(one[key], two[key])
    ] == []


@_COMPILES_TWICE
@pytest.mark.parametrize("what", ["weights", "files"])
def test_two_devices_end_in_the_weights_of_one(runs, what):
    assert runs[what] <= _WITHIN


@_COMPILES_TWICE
def test_a_run_resumes_on_another_number_of_devices(runs):
    assert runs["moved"] <= _WITHIN


@pytest.fixture
def model(backend):
    return backend.AnyNet.from_spec(AnyNetSpec.from_arch(((1, 8, 4, 1),), 8))


def test_a_framework_that_trains_on_one_device_refuses_several(backend, model, make_data, tmp_path):
    if backend.SUPPORTS_SEVERAL_DEVICES:
        pytest.skip("trains on several devices")
    trainer = backend.Trainer(1, 0, out=tmp_path / "run", progress=False, devices=2)
    with pytest.raises(BackendError, match="^devices: must be 1 in .*; got 2; use --devices 1"):
        trainer.fit(model, make_data(8))
    assert not (tmp_path / "run").exists()


def test_a_batch_must_have_equal_parts(backend, model, make_data, tmp_path):
    trainer = backend.Trainer(1, 0, out=tmp_path / "run", progress=False, devices=3)
    with pytest.raises(ConfigError, match="^devices: the batch size must be a multiple of 3 .* 8;"):
        trainer.fit(model, make_data(8))
    assert not (tmp_path / "run").exists()


@pytest.fixture
def make_data():
    """Makes black images in batches of a size."""
    import numpy as np

    return lambda size: Batches(
        np.zeros((size, 1, 16, 16), np.uint8), np.zeros(size, np.int32), size, size
    )
