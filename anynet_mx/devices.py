"""The devices of this machine, and the framework's caches."""

import gc
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import mxnet

from anynet_mx.capabilities import SUPPORTS_SEVERAL_DEVICES
from common.training import Device, check_devices, checked_gpu, uses_gpu

__all__ = ["clear_caches", "devices", "find_device", "own_stream", "try_gpu"]


def devices() -> list[str]:
    """The devices of this machine that this backend can use: GPUs first, the CPU last."""
    return [*(f"gpu: number {i}" for i in range(mxnet.context.num_gpus())), "cpu"]


def try_gpu(i: int = 0) -> mxnet.Context:
    """GPU `i`, counted from 0, or the CPU without one (chapter section 6.7.2).

    Raises `ConfigError` unless `i` is an integer from 0 on.
    """
    there = mxnet.context.num_gpus() > checked_gpu(i)
    return mxnet.gpu(i) if there else mxnet.cpu()


def find_device(device: Device, number: int = 1) -> mxnet.Context:
    """Where a learner computes. Raises `BackendError` for a GPU that is not there.

    `number` must be 1: this framework trains on one device here.
    """
    check_devices(number, 1, "mx", several=SUPPORTS_SEVERAL_DEVICES)
    there = mxnet.context.num_gpus() > 0
    return mxnet.gpu() if uses_gpu(device, there, "mx") else mxnet.cpu()


def own_stream() -> AbstractContextManager[Any]:
    """Context in which this thread trains beside others, on a GPU on a stream of its own.

    Nothing changes here, where one thread trains.
    """
    return nullcontext()


def clear_caches() -> None:
    """Free the memory that the framework keeps of deleted networks."""
    gc.collect()
    for index in range(mxnet.context.num_gpus()):
        mxnet.gpu(index).empty_cache()
