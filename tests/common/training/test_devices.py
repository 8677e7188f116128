"""Which device a learner takes, and what is said of a GPU that is not used."""

import logging

import pytest

from common.errors import BackendError
from common.training import devices
from common.training.devices import uses_gpu


@pytest.fixture
def machine(monkeypatch, caplog):
    """Gives the machine a device, or none."""
    caplog.set_level(logging.WARNING, "anynet")
    devices._tell.cache_clear()
    yield lambda gpu: monkeypatch.setattr(devices, "find_nvidia", lambda: gpu)
    devices._tell.cache_clear()


@pytest.mark.parametrize(
    ("device", "seen", "used"),
    [("auto", True, True), ("gpu", True, True), ("cpu", True, False), ("cpu", False, False),
     ("auto", False, False)],
)  # fmt: skip
def test_the_device_is_a_gpu_where_one_is_seen_and_wanted(machine, caplog, device, seen, used):
    machine(None)
    assert uses_gpu(device, seen, "jax") is used
    assert caplog.messages == []


def test_a_gpu_that_the_framework_does_not_see_is_told_of_in_one_line(machine, caplog):
    machine("NVIDIA H100")
    uses_gpu("auto", False, "jax")
    (line,) = caplog.messages
    assert "\n" not in line
    assert line.startswith("computing on the CPU: this machine has an NVIDIA device (NVIDIA H100)")
    assert "JAX sees no GPU" in line
    assert "pip install '.[jax-cuda]'" in line


def test_it_is_told_of_once(machine, caplog):
    machine("NVIDIA H100")
    for _ in range(3):
        uses_gpu("auto", False, "torch")
    assert len(caplog.messages) == 1


@pytest.mark.parametrize(("device", "seen"), [("cpu", False), ("auto", True)])
def test_nothing_is_said_where_the_device_is_as_wished(machine, caplog, device, seen):
    machine("NVIDIA H100")
    uses_gpu(device, seen, "tf")
    assert caplog.messages == []


@pytest.mark.parametrize(
    ("gpu", "message"),
    [(None, "got gpu, but MXNet sees none; use --device cpu"),
     ("NVIDIA H100", r"got gpu, but this machine has an NVIDIA device .* use --device cpu")],
)  # fmt: skip
def test_a_gpu_that_is_not_there_is_refused(machine, gpu, message):
    machine(gpu)
    with pytest.raises(BackendError, match=message):
        uses_gpu("gpu", False, "mx")
