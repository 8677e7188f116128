"""What a process may do for speed before it trains."""

from common import memory

__all__ = ["keep_freed_memory"]


def keep_freed_memory() -> bool:
    """Keep freed memory in this process for later arrays, which makes training on CPUs faster.

    PyTorch allocates the arrays of every step anew, and the system clears each fresh page: 8 % of
    RegNetX32's step. The process stays as large as it has ever been, NumPy's arrays included. True
    where it took effect: with glibc, unless `ANYNET_KEEP_MEMORY` is 0. The command line does so;
    `import` does not.
    """
    return memory.keep_freed_memory()
