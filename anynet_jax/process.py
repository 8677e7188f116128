"""Settings of the whole process that make training faster."""

import logging
import os
from functools import cache

import jax

from common import memory

__all__ = ["CPUS", "divide_cpu", "has_started", "keep_freed_memory"]

_ASYNCHRONOUS = "jax_cpu_enable_async_dispatch"
CPUS = "jax_num_cpu_devices"
"""JAX's setting of the number of devices into which it divides the CPU."""

_FLAG = "xla_force_host_platform_device_count"


def keep_freed_memory() -> bool:
    """Keep freed memory in this process for later arrays, which makes training on CPUs faster.

    JAX allocates activations anew in every step, and the kernel zeroes each fresh page: a quarter
    of RegNetX32's step on a CPU. The process's memory then stays at its peak, NumPy's arrays
    included. Asynchronous dispatch is turned off for JAX's CPU backend, since with it a step
    allocates before its predecessor frees; JAX reads that setting when it makes its first array, so
    a later call logs one warning. True where memory is kept: with glibc, unless
    `ANYNET_KEEP_MEMORY` is 0. The `anynet` command calls it; `import` does not.
    """
    kept = memory.keep_freed_memory()
    if kept and jax.config.read(_ASYNCHRONOUS):
        if has_started():
            _warn_that_it_is_late()
        else:
            jax.config.update(_ASYNCHRONOUS, False)
    return kept


def divide_cpu(number: int) -> None:
    """Make the CPU `number` devices of JAX, unless its user did; before JAX's first array only."""
    if _FLAG not in os.environ.get("XLA_FLAGS", "") and jax.config.jax_num_cpu_devices < number:
        jax.config.update(CPUS, number)


def has_started() -> bool:
    """Whether JAX has made its clients, which read their settings when they are made."""
    # Private, for JAX (0.10) has no public function that asks without making them; to be replaced
    # as soon as there is one.
    from jax._src import xla_bridge

    return bool(xla_bridge.backends_are_initialized())


@cache
def _warn_that_it_is_late() -> None:
    logging.getLogger("anynet").warning(
        "keep_freed_memory: must be called before JAX's first array; got a call after it, so steps "
        "on CPUs are slower and need more memory; call it right after import anynet_jax"
    )
