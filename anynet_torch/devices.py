"""The devices of this machine, and the framework's caches."""

import gc
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch

from anynet_torch.capabilities import SUPPORTS_SEVERAL_DEVICES
from common.bounds import MAX_DEVICES
from common.training import Device, check_devices, checked_gpu, room_for_data, uses_gpu

__all__ = ["clear_caches", "data_room", "devices", "find_device", "own_stream", "try_gpu"]


def devices() -> list[str]:
    """The devices of this machine that this backend can use: GPUs first, the CPU last."""
    gpus = [f"gpu: {torch.cuda.get_device_name(i)}" for i in range(torch.cuda.device_count())]
    return [*gpus, "cpu"]


def try_gpu(i: int = 0) -> torch.device:
    """GPU `i`, counted from 0, or the CPU without one (chapter section 6.7.2).

    Raises `ConfigError` unless `i` is an integer from 0 on.
    """
    there = torch.cuda.device_count() > checked_gpu(i)
    return torch.device("cuda", i) if there else torch.device("cpu")


def find_device(device: Device, number: int = 1) -> torch.device:
    """Where a learner computes, in each process if `number` devices train together.

    Raises `BackendError` for GPUs that are not there. A CPU serves any number of processes.
    """
    gpu = uses_gpu(device, torch.cuda.is_available(), "torch")
    seen = torch.cuda.device_count() if gpu else MAX_DEVICES
    check_devices(number, seen, "torch", several=SUPPORTS_SEVERAL_DEVICES)
    return torch.device("cuda" if gpu else "cpu")


def data_room(device: torch.device) -> int:
    """Bytes of images that may be kept on a device as a whole, as `room_for_data` says."""
    return room_for_data(torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else 0)


def own_stream() -> AbstractContextManager[Any]:
    """Context in which this thread trains beside others, on a GPU on a stream of its own."""
    there = torch.cuda.is_available()
    return torch.cuda.stream(torch.cuda.Stream()) if there else nullcontext()


def clear_caches() -> None:
    """Free the memory that the framework keeps of deleted networks."""
    gc.collect()
    torch.cuda.empty_cache()
