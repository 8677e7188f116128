"""The process's own memory: freed arrays are kept for the next ones."""

import os
import sys
from collections.abc import Callable

KEEP_MEMORY = "ANYNET_KEEP_MEMORY"
"""The environment variable that leaves the C library's allocator alone when it is 0."""

# Parameters of glibc's mallopt(3).
_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4


def keep_freed_memory() -> bool:
    """Have the C library keep what is freed, in place of giving it back to the system.

    A framework that allocates its activations anew in every step otherwise gets fresh pages each
    time, and the system clears each of them at its first use: a quarter of RegNetX32's training
    step in JAX, 8 % of it in PyTorch. The process stays as large as it has ever been. True where
    it took effect: with glibc, unless `ANYNET_KEEP_MEMORY` is 0.

    Threads keep heaps of their own: with one for all, those that compile, and those that share a
    convolution, wait for each other.
    """
    if os.environ.get(KEEP_MEMORY) == "0":
        return False
    mallopt = _of_the_c_library("mallopt")
    if mallopt is None:
        return False
    never, none = -1, 0
    settings = {_M_TRIM_THRESHOLD: never, _M_MMAP_MAX: none}
    return all(mallopt(parameter, value) for parameter, value in settings.items())


def give_back_freed_memory() -> None:
    """Give what is free by now back to the system, where `keep_freed_memory` would keep it.

    For after what happens once and takes much, such as compiling: arrays would else be placed
    between what it left.
    """
    if trim := _of_the_c_library("malloc_trim"):
        trim(0)


def _of_the_c_library(name: str) -> Callable[..., int] | None:
    """A function of glibc; nothing where the C library is another one."""
    if sys.platform != "linux":
        return None
    import ctypes

    return getattr(ctypes.CDLL(None), name, None)
