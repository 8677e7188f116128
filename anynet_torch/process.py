"""Settings of the whole process that make training faster, or exact."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

import torch

from common import memory

__all__ = ["exact_products", "keep_freed_memory"]


def keep_freed_memory() -> bool:
    """Keep freed memory in this process for later arrays, which makes training on CPUs faster.

    PyTorch allocates activations anew in every step, and the kernel zeroes each fresh page: 8 % of
    RegNetX32's step on a CPU. The process's memory then stays at its peak, NumPy's arrays included.
    True where it took effect: with glibc, unless `ANYNET_KEEP_MEMORY` is 0. The `anynet` command
    calls it; `import` does not.
    """
    return memory.keep_freed_memory()


@contextmanager
def exact_products(tf32: bool) -> Iterator[None]:
    """Context in which a GPU rounds factors to TF32 only if asked to, and sums in a fixed order.

    Contexts may overlap in several threads; the last one to end restores what was there before.
    """
    with _changing:
        if not _open:
            _before[:] = [getattr(backend, name) for backend, name in _SETTINGS]
        _open.append(tf32)
        _set([tf32, tf32, True])
    try:
        yield
    finally:
        with _changing:
            del _open[len(_open) - 1 - _open[::-1].index(tf32)]
            _set([_open[-1], _open[-1], True] if _open else _before)


_SETTINGS: tuple[tuple[Any, str], ...] = (
    (torch.backends.cudnn, "allow_tf32"),
    (torch.backends.cuda.matmul, "allow_tf32"),
    (torch.backends.cudnn, "deterministic"),
)
_changing = Lock()
_open: list[bool] = []
"""Whether each open context allows TF32."""
_before: list[bool] = []
"""The settings outside of all contexts."""


def _set(values: list[bool]) -> None:
    for (backend, name), value in zip(_SETTINGS, values, strict=True):
        setattr(backend, name, value)
