"""Settings of glibc's allocator: freed memory is kept for the next arrays."""

import os
import sys
from collections.abc import Callable

KEEP_MEMORY = "ANYNET_KEEP_MEMORY"
"""Environment variable: 0 leaves the allocator as it is."""

# Parameters of glibc's mallopt(3).
_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4


def keep_freed_memory() -> bool:
    """Make glibc keep freed memory instead of returning it to the system; true if it does.

    A framework that allocates its activations in every step otherwise gets new pages each time,
    which the kernel must clear: 25 % of RegNetX32's training step in JAX, 8 % in PyTorch. In
    exchange, the process never shrinks. Has no effect without glibc, or if `ANYNET_KEEP_MEMORY` is
    0.

    Per-thread arenas are kept: a single arena causes lock contention between the threads of a
    convolution, and between those that compile.
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
    """Return free memory to the system once, although `keep_freed_memory` is in effect.

    Call it after a one-time peak such as compilation, which otherwise leaves the heap fragmented.
    """
    if trim := _of_the_c_library("malloc_trim"):
        trim(0)


def _of_the_c_library(name: str) -> Callable[..., int] | None:
    """A function of glibc, or None if the C library is another one."""
    if sys.platform != "linux":
        return None
    import ctypes

    return getattr(ctypes.CDLL(None), name, None)
