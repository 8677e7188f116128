"""The devices of this machine, and the framework's caches."""

import gc

import jax

from common.training import Device, checked_gpu, uses_gpu

__all__ = ["clear_caches", "devices", "find_device", "try_gpu"]


def devices() -> list[str]:
    """The devices of this machine that this backend can use: GPUs first, the CPU last."""
    return [*(f"gpu: {device.device_kind}" for device in _accelerators()), "cpu"]


def try_gpu(i: int = 0) -> jax.Device:
    """GPU `i`, counted from 0, or the CPU without one (chapter section 6.7.2).

    Raises `ConfigError` unless `i` is an integer from 0 on.
    """
    accelerators = _accelerators()
    there = len(accelerators) > checked_gpu(i)
    return accelerators[i] if there else jax.devices("cpu")[0]


def find_device(device: Device) -> jax.Device:
    """Where a learner computes. Raises `BackendError` for a GPU that is not there."""
    best = jax.devices()[0]
    return best if uses_gpu(device, best.platform != "cpu", "jax") else jax.devices("cpu")[0]


def clear_caches() -> None:
    """Free the memory that the framework keeps of deleted networks.

    All compiled functions are dropped; those of other networks are compiled again when needed.
    """
    gc.collect()
    jax.clear_caches()


def _accelerators() -> list[jax.Device]:
    return [device for device in jax.devices() if device.platform != "cpu"]
