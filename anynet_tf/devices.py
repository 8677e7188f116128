"""The devices of this machine, and what the framework keeps in memory."""

from contextlib import AbstractContextManager

import keras
import tensorflow as tf

__all__ = ["clear_caches", "devices", "try_gpu"]


def devices() -> list[str]:
    """The devices of this machine that this backend can use, best first."""
    gpus = tf.config.list_physical_devices("GPU")
    details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
    names = [found.get("device_name", gpu.name) for found, gpu in zip(details, gpus, strict=True)]
    return [*(f"gpu: {name}" for name in names), "cpu"]


def try_gpu(i: int = 0) -> AbstractContextManager[None]:
    """GPU `i`, or the CPU without one (chapter section 6.7.2).

    `with try_gpu():` places there what follows.
    """
    there = len(tf.config.list_physical_devices("GPU")) > i
    return tf.device(f"/GPU:{i}" if there else "/CPU:0")


def clear_caches() -> None:
    """Free what the framework keeps of networks that are gone.

    Keras's global settings go back to their defaults.
    """
    keras.backend.clear_session()  # which collects garbage too
