"""Batch norm, shortcut and ReLU in one, by the kernels of `anynet_torch.kernels`, on a GPU."""

import hashlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import torch
import triton
from filelock import FileLock
from torch import Tensor
from triton import knobs
from triton.runtime import driver

from anynet_torch import kernels
from anynet_torch.kernels import Statistics, tile_of

__all__ = ["batch_norm", "compile_kernels"]

_USES = ((False, True), (False, False), (True, True))
"""With a shortcut or not, and with ReLU or not, as blocks have it."""

_PATIENCE = 60
"""Seconds to wait at most for another process that compiles."""

_compiled: set[tuple[Any, ...]] = set()
"""Device, dtype, offset and tile of the kernels that this process has loaded."""


class _BatchNorm(torch.autograd.Function):
    """First derivatives only."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, *given: Any) -> Tensor:
        y, known = kernels.forward(x, *given)
        _, _, offset, shortcut, _, relu = given
        ctx.save_for_backward(x, y, known, offset)
        ctx.relu, ctx.has_shortcut = relu, shortcut is not None
        return y

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        x, y, known, offset = ctx.saved_tensors
        found = kernels.backward(x, y, dy, known, ctx.has_shortcut, ctx.relu)
        dx, dweight, dbias, dshortcut = found
        doffset = None if offset is None else torch.zeros_like(offset)
        return dx, dweight, dbias, doffset, dshortcut, None, None


batch_norm = _BatchNorm.apply
"""`batch_norm(x, weight, bias, offset, shortcut, running, relu)`, all arguments positional.

The batch norm of `x`, plus `shortcut`, and ReLU of the sum if `relu`; updates the running
statistics in place.

- `x`, `shortcut`: (N, C, H, W) in channels-last memory format, or (N, C); float32, bfloat16 or
  float16; `shortcut` may be `None`
- `weight`, `bias`: float32 (C,)
- `offset`: float32 (C,) or `None`, the bias of the convolution before, which was not added to `x`:
  it moves the running mean alone, and its gradient is 0
- `running`: `Statistics`
"""


def compile_kernels(
    channels: Iterable[int], dtype: torch.dtype, device: torch.device, has_offset: bool
) -> None:
    """Compile the kernels for batch norms of so many channels, a thread for each number of them.

    Triton would compile them in the first step, one after the other, in 0.1 to 0.2 s each. It keeps
    them in files: what no process has compiled yet is compiled by one at a time, and read by all.
    """
    tiles = {(device, dtype, has_offset, *tile_of(c).values()): c for c in channels}
    missing = {tile: c for tile, c in tiles.items() if tile not in _compiled}
    if not missing:
        return
    run = partial(_run_kernels, dtype=dtype, device=device, has_offset=has_offset)
    with _turn([f"anynet-{_digest(*tile[1:])}" for tile in missing]), ThreadPoolExecutor() as pool:
        list(pool.map(run, missing.values()))
    _compiled.update(missing)


@contextmanager
def _turn(marks: list[str]) -> Iterator[None]:
    """Context in which no other process compiles, unless files of these names say it is done.

    They are written at its end, beside the kernels. Taking turns only saves time: where a folder
    cannot be written or has no locks, or a process holds the lock for long, all compile at once.
    """
    folder = Path(knobs.cache.dir)
    lock = FileLock(folder / "anynet.lock")
    if not all((folder / mark).exists() for mark in marks):
        with suppress(OSError, NotImplementedError):
            folder.mkdir(parents=True, exist_ok=True)
            lock.acquire(_PATIENCE)
    try:
        yield
        with suppress(OSError):
            for mark in marks:
                (folder / mark).touch()
    finally:
        lock.release()


def _digest(*facts: Any) -> str:
    """Of all that compiled kernels depend on: these facts, their source, Triton and the GPU."""
    source, target = Path(kernels.__file__).read_text(), driver.active.get_current_target()
    said = repr((*facts, source, target, triton.__version__))
    return hashlib.sha256(said.encode()).hexdigest()[:16]


@torch.no_grad()
def _run_kernels(channels: int, dtype: torch.dtype, device: torch.device, has_offset: bool) -> None:
    """Launch every kernel of a batch norm, over a batch of one."""
    x = torch.zeros((1, channels), dtype=dtype, device=device)
    mean, var, weight, bias = (x.new_zeros(channels, dtype=torch.float32) for _ in range(4))
    running = Statistics(mean, var, 0.1, 1e-5)
    offset = bias if has_offset else None
    with torch.cuda.device_of(x):
        for has_shortcut, relu in _USES:
            shortcut = x if has_shortcut else None
            y, known = kernels.forward(x, weight, bias, offset, shortcut, running, relu)
            kernels.backward(x, y, x, known, has_shortcut, relu)
