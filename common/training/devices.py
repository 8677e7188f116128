"""Choice of the device and checks of the precision, for all frameworks."""

import logging
import math
import os
from functools import cache

from common.bounds import MAX_DEVICES
from common.errors import BackendError, ConfigError, shortened
from common.frameworks import FRAMEWORKS
from common.gpus import find_nvidia
from common.numbers import checked_integer
from common.training.config import Device, Precision

_MOST_GPUS = 1 << 16

DEVICE_DATA = "ANYNET_DEVICE_DATA_GB"
"""Environment variable: gigabytes of images that are kept on a GPU at most, 0 for none."""


def uses_gpu(device: Device, seen: bool, backend: str) -> bool:
    """Whether a learner for `device` computes on a GPU.

    `seen` is whether the framework `backend` sees a GPU. If it does not although the machine has an
    NVIDIA device, `auto` logs this once per process. Raises `BackendError` for `gpu` without one.
    """
    if device == "cpu" or seen:
        return device != "cpu"
    if device == "gpu":
        raise BackendError(
            f"device: must be available; got gpu, but {_unseen(backend)}; use --device cpu"
        )
    _tell(backend)
    return False


def checked_gpu(number: object) -> int:
    """The index of a GPU, from 0. Raises `ConfigError` if it is not an integer from 0 on."""
    return checked_integer("try_gpu: i", number, 0, _MOST_GPUS, ConfigError)


def check_devices(
    devices: object, seen: int, backend: str, *, several: bool, remedy: str = ""
) -> None:
    """Raise `BackendError` unless the framework `backend` can train on so many devices.

    `seen` is how many of the learner's kind it sees, `several` whether it can train on more than
    one, and `remedy` how to have more. Raises `ConfigError` for what is no number of devices.
    """
    number = checked_integer("devices:", devices, 1, MAX_DEVICES, ConfigError)
    title = FRAMEWORKS[backend].title
    if number > 1 and not several:
        raise BackendError(
            f"devices: must be 1 in {title}; got {number}; use --devices 1, or --backend torch "
            "or jax"
        )
    if number > seen:
        raise BackendError(
            f"devices: must be available; got {number}, but {title} sees {seen}; "
            f"{remedy or f'use --devices {seen}'}"
        )


def room_for_data(free: int) -> int:
    """Bytes of images that may be kept on a GPU with `free` bytes of memory; 0 for a CPU.

    A quarter of them, or less if `$ANYNET_DEVICE_DATA_GB` says so. Raises `ConfigError` if that is
    no number from 0 on.
    """
    given = os.environ.get(DEVICE_DATA, "")
    try:
        most = float(given or math.inf)
    except ValueError:
        most = math.nan
    if not most >= 0:
        raise ConfigError(
            f"${DEVICE_DATA}: must be a number of gigabytes, 0 or more; got {shortened(given)}"
        )
    return int(min(free / 4, most * 1e9))


def check_precision(precision: Precision, on_gpu: bool, *, bfloat16: bool, tf32: bool) -> None:
    """Raise `BackendError` if the framework or the device cannot train in `precision`.

    `bfloat16` and `tf32` are the framework's capabilities; TF32 exists on GPUs only.
    """
    if (precision == "bfloat16" and not bfloat16) or (precision == "tf32" and not tf32):
        raise BackendError(
            "precision: must be float32 or float64 in this framework; got "
            f"{precision}; use --precision float32 or another backend"
        )
    if precision == "tf32" and not on_gpu:
        raise BackendError("precision: must not be tf32 on a CPU; got tf32; use float32")


def _unseen(backend: str) -> str:
    gpu = find_nvidia()
    framework = FRAMEWORKS[backend]
    return framework.without(gpu) if gpu else f"{framework.title} sees none"


@cache
def _tell(backend: str) -> None:
    if gpu := find_nvidia():
        logging.getLogger("anynet").warning(
            "computing on the CPU: %s", FRAMEWORKS[backend].without(gpu)
        )
