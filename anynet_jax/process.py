"""What a process may do for speed before it trains."""

import logging
from functools import cache

import jax

from common import memory

__all__ = ["keep_freed_memory"]

_ASYNCHRONOUS = "jax_cpu_enable_async_dispatch"


def keep_freed_memory() -> bool:
    """Keep freed memory in this process for later arrays, which makes training on CPUs faster.

    JAX allocates the arrays of every step anew, and the system clears each fresh page: a quarter
    of RegNetX32's step. The process stays as large as it has ever been, NumPy's arrays included.
    JAX's CPU backend then runs one program at a time, for with asynchronous dispatch a step
    allocates before its predecessor frees; that takes effect only before the first array, and a
    call that comes later warns once. True where memory is kept: with glibc, unless
    `ANYNET_KEEP_MEMORY` is 0. The command line does so; `import` does not.
    """
    kept = memory.keep_freed_memory()
    if kept and jax.config.read(_ASYNCHRONOUS):
        if _has_started():
            _warn_that_it_is_late()
        else:
            jax.config.update(_ASYNCHRONOUS, False)
    return kept


def _has_started() -> bool:
    """Whether JAX has made its clients, which are given their settings when they are made."""
    from jax._src import xla_bridge  # no public function tells

    return bool(xla_bridge.backends_are_initialized())


@cache
def _warn_that_it_is_late() -> None:
    logging.getLogger("anynet").warning(
        "keep_freed_memory: must be called before JAX's first array; got a call after it, so that "
        "steps on CPUs are slower and take more memory; call it right after import anynet_jax"
    )
