"""Whether a learner computes on a GPU, and in which precision."""

import logging
from functools import cache

from common.errors import BackendError, ConfigError
from common.frameworks import FRAMEWORKS
from common.gpus import find_nvidia
from common.numbers import checked_integer
from common.training.config import Device, Precision

_MOST_GPUS = 1 << 16


def uses_gpu(device: Device, seen: bool, backend: str) -> bool:
    """Whether a learner for `device` computes on a GPU, `seen` being whether its framework has one.

    Raises `BackendError` for a GPU that is not there. Where the CPU serves although the machine has
    an NVIDIA device, the log says so once.
    """
    if device == "cpu" or seen:
        return device != "cpu"
    if device == "gpu":
        raise BackendError(
            f"device: must be there; got gpu, but {_unseen(backend)}; use --device cpu"
        )
    _tell(backend)
    return False


def checked_gpu(number: object) -> int:
    """The number of a GPU, counted from 0. Raises `ConfigError`."""
    return checked_integer("try_gpu: i", number, 0, _MOST_GPUS, ConfigError)


def check_precision(precision: Precision, on_gpu: bool, *, bfloat16: bool, tf32: bool) -> None:
    """Raise `BackendError` for a precision that the framework or the device does not train in.

    `bfloat16` and `tf32` say whether the framework supports them; only GPUs multiply in TF32.
    """
    if (precision == "bfloat16" and not bfloat16) or (precision == "tf32" and not tf32):
        raise BackendError(
            "precision: must be float32 or float64, in which this framework trains; got "
            f"{precision}; use --precision float32 or another backend"
        )
    if precision == "tf32" and not on_gpu:
        raise BackendError("precision: tf32 is for GPUs; got it on a CPU; use float32")


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
