"""The devices of this machine, and what the framework keeps in memory."""

import gc

import jax

from common.training import Device, checked_gpu, uses_gpu

__all__ = ["clear_caches", "devices", "find_device", "try_gpu"]


def devices() -> list[str]:
    """The devices of this machine that this backend can use, best first."""
    return [*(f"gpu: {device.device_kind}" for device in _accelerators()), "cpu"]


def try_gpu(i: int = 0) -> jax.Device:
    """GPU `i`, counted from 0, or the CPU without one (chapter section 6.7.2).

    Raises `ConfigError` for what is no number from 0 on.
    """
    accelerators = _accelerators()
    there = len(accelerators) > checked_gpu(i)
    return accelerators[i] if there else jax.devices("cpu")[0]


def find_device(device: Device) -> jax.Device:
    """Where a learner computes. Raises `BackendError` for a GPU that is not there."""
    best = jax.devices()[0]
    return best if uses_gpu(device, best.platform != "cpu", "jax") else jax.devices("cpu")[0]


def clear_caches() -> None:
    """Free what the framework keeps of networks that are gone.

    Networks that are not gone are compiled again.
    """
    gc.collect()
    jax.clear_caches()


def _accelerators() -> list[jax.Device]:
    return [device for device in jax.devices() if device.platform != "cpu"]
