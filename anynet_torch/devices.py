"""The devices of this machine, and the framework's caches."""

import gc

import torch

from common.training import Device, checked_gpu, uses_gpu

__all__ = ["clear_caches", "devices", "find_device", "try_gpu"]


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


def find_device(device: Device) -> torch.device:
    """Where a learner computes. Raises `BackendError` for a GPU that is not there."""
    return torch.device("cuda" if uses_gpu(device, torch.cuda.is_available(), "torch") else "cpu")


def clear_caches() -> None:
    """Free the memory that the framework keeps of deleted networks."""
    gc.collect()
    torch.cuda.empty_cache()
