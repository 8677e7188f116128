"""The devices of this machine, and the framework's caches."""

import gc
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeAlias

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec, Sharding

from anynet_jax.capabilities import SUPPORTS_SEVERAL_DEVICES
from anynet_jax.process import CPUS, divide_cpu, has_started
from common.training import Device, check_devices, checked_gpu, room_for_data, uses_gpu

__all__ = [
    "clear_caches",
    "data_room",
    "devices",
    "find_devices",
    "own_stream",
    "placements",
    "try_gpu",
]

Placement: TypeAlias = jax.Device | Sharding
"""The devices of an array."""


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


def find_devices(device: Device, number: int = 1) -> list[jax.Device]:
    """The `number` devices on which a learner computes. Raises `BackendError` if they are missing.

    In a process in which JAX has not started, the CPU is divided into as many.
    """
    if number != 1 and not has_started():
        check_devices(number, number, "jax", several=SUPPORTS_SEVERAL_DEVICES)
        divide_cpu(number)
    best = jax.devices()[0]
    gpu = uses_gpu(device, best.platform != "cpu", "jax")
    seen = jax.devices() if gpu else jax.devices("cpu")
    remedy = "" if gpu else f"before its first array: jax.config.update('{CPUS}', {number})"
    check_devices(number, len(seen), "jax", several=SUPPORTS_SEVERAL_DEVICES, remedy=remedy)
    return seen[:number]


def placements(devices: list[jax.Device]) -> tuple[Placement, Placement]:
    """Where a learner's state is, and where its batches.

    On several devices, each has the whole state, and an equal part of each batch.
    """
    if len(devices) == 1:
        return devices[0], devices[0]
    mesh = Mesh(np.array(devices), ("images",))
    return NamedSharding(mesh, PartitionSpec()), NamedSharding(mesh, PartitionSpec("images"))


def data_room(device: jax.Device) -> int:
    """Bytes of images that may be kept on a device as a whole, as `room_for_data` says."""
    known = (device.platform != "cpu" and device.memory_stats()) or {}
    return room_for_data(known.get("bytes_limit", 0) - known.get("bytes_in_use", 0))


def own_stream() -> AbstractContextManager[Any]:
    """Context in which this thread trains beside others, on a GPU on a stream of its own.

    XLA has one stream for all, so that nothing changes here; threads compile side by side.
    """
    return nullcontext()


def clear_caches() -> None:
    """Free the memory that the framework keeps of deleted networks.

    All compiled functions are dropped; those of other networks are compiled again when needed.
    """
    gc.collect()
    jax.clear_caches()


def _accelerators() -> list[jax.Device]:
    return [device for device in jax.devices() if device.platform != "cpu"]
