"""The devices of this machine, and the framework's caches."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import keras
import tensorflow as tf

from anynet_tf.capabilities import SUPPORTS_SEVERAL_DEVICES
from common.training import Device, check_devices, checked_gpu, uses_gpu

__all__ = ["clear_caches", "devices", "find_device", "own_stream", "try_gpu"]


def devices() -> list[str]:
    """The devices of this machine that this backend can use: GPUs first, the CPU last."""
    gpus = tf.config.list_physical_devices("GPU")
    details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
    names = [found.get("device_name", gpu.name) for found, gpu in zip(details, gpus, strict=True)]
    return [*(f"gpu: {name}" for name in names), "cpu"]


def try_gpu(i: int = 0) -> AbstractContextManager[None]:
    """GPU `i`, counted from 0, or the CPU without one (chapter section 6.7.2).

    It is a context manager: tensors made in `with try_gpu():` are placed there. Raises
    `ConfigError` unless `i` is an integer from 0 on.
    """
    there = len(tf.config.list_physical_devices("GPU")) > checked_gpu(i)
    return tf.device(f"/GPU:{i}" if there else "/CPU:0")


def find_device(device: Device, number: int = 1) -> str:
    """Where a learner computes. Raises `BackendError` for a GPU that is not there.

    `number` must be 1: this framework trains on one device here.
    """
    check_devices(number, 1, "tf", several=SUPPORTS_SEVERAL_DEVICES)
    there = bool(tf.config.list_physical_devices("GPU"))
    return "/GPU:0" if uses_gpu(device, there, "tf") else "/CPU:0"


def own_stream() -> AbstractContextManager[Any]:
    """Context in which this thread trains beside others, on a GPU on a stream of its own.

    Nothing changes here, where one thread trains.
    """
    return nullcontext()


def clear_caches() -> None:
    """Free the memory that the framework keeps of deleted networks.

    Keras's global settings are reset to their defaults.
    """
    keras.backend.clear_session()  # which runs the garbage collector, too
