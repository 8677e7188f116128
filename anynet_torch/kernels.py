"""Batch norm, a shortcut and ReLU as kernels of their own, for training on a GPU.

PyTorch runs them one after another, and each reads and writes all activations. Here forward reads
the convolution's output twice and writes the result; backward reads three arrays twice, and writes
the gradients. The kernels are Triton's, which comes with PyTorch's builds for CUDA;
`TRITON_INTERPRET=1` runs them on a CPU, for tests.

Activations are rows of channels: (N, H, W, C) in memory, or (N, C). Sums are taken in float32, in
two stages without atomics, so that equal inputs give equal outputs.
"""

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

__all__ = ["batch_norm"]

_TILE = 2048
"""Elements that a program holds at a time."""

_PARTS = 512
"""Programs, at most, that share the rows of a sum."""

_COLUMNS = 16
"""Channels of a program that adds up the parts."""


def batch_norm(
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    running_mean: Tensor,
    running_var: Tensor,
    offset: Tensor | None,
    shortcut: Tensor | None,
    momentum: float,
    epsilon: float,
    relu: bool,
) -> Tensor:
    """ReLU (where `relu`) of the batch norm of `x`, plus `shortcut`; moves the running statistics.

    `x` and `shortcut` are (N, C, H, W) with the channels last in memory, or (N, C), in float32,
    bfloat16 or float16; the others are float32 (C,). `offset` is a bias that was not added to `x`:
    it moves the running mean alone, and its gradient is 0. `momentum` weighs this batch; the
    running variance averages the biased one.
    """
    return _BatchNorm.apply(
        x, weight, bias, running_mean, running_var, offset, shortcut, momentum, epsilon, relu
    )


class _BatchNorm(torch.autograd.Function):
    """First derivatives only."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor,
        running_mean: Tensor,
        running_var: Tensor,
        offset: Tensor | None,
        shortcut: Tensor | None,
        momentum: float,
        epsilon: float,
        relu: bool,
    ) -> Tensor:
        rows, shape = _Rows(x), _Rows(x).shape
        # mean, 1 / deviation, and what x is multiplied by and what is added
        known = x.new_empty((4, rows.channels), dtype=torch.float32)
        parts = x.new_empty((2, rows.parts, rows.channels), dtype=torch.float32)
        _sums[rows.summing](x, parts, *shape, **rows.tile)
        _statistics[rows.adding](
            x, parts, known, weight, bias, running_mean, running_var,
            weight if offset is None else offset, *shape, rows.parts, momentum, epsilon,
            has_offset=offset is not None, **rows.added,
        )  # fmt: skip
        y = torch.empty_like(x)
        _normalise[rows.mapping](
            x, y, y if shortcut is None else shortcut, known, *shape,
            has_shortcut=shortcut is not None, relu=relu, **rows.tile,
        )  # fmt: skip
        ctx.save_for_backward(x, y, known, offset)
        ctx.relu, ctx.has_shortcut = relu, shortcut is not None
        return y

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        x, y, known, offset = ctx.saved_tensors
        rows, shape = _Rows(x), _Rows(x).shape
        dy = _in_rows(dy)
        parts = x.new_empty((2, rows.parts, rows.channels), dtype=torch.float32)
        _gradient_sums[rows.summing](
            x, y, dy, parts, known, *shape, relu=ctx.relu, **rows.tile
        )  # fmt: skip
        # of weight and bias, and what the input's gradient is made of
        found = x.new_empty((4, rows.channels), dtype=torch.float32)
        _gradients[rows.adding](parts, known, found, *shape, rows.parts, **rows.added)
        dx = torch.empty_like(x)
        dshortcut = torch.empty_like(x) if ctx.has_shortcut else None
        _input_gradient[rows.mapping](
            x, y, dy, dx, dx if dshortcut is None else dshortcut, known, found, *shape,
            has_shortcut=ctx.has_shortcut, relu=ctx.relu, **rows.tile,
        )  # fmt: skip
        doffset = None if offset is None else torch.zeros_like(offset)
        return dx, found[0], found[1], None, None, doffset, dshortcut, None, None, None


class _Rows:
    """How the kernels take an array apart: into tiles of rows and channels."""

    def __init__(self, x: Tensor) -> None:
        self.channels = x.shape[1]
        self.rows = x.numel() // self.channels
        columns = min(triton.next_power_of_2(self.channels), 512)
        height = max(1, _TILE // columns)
        # What divides the number of channels tells the compiler how wide its accesses can be.
        self.unit = next(unit for unit in (8, 4, 2, 1) if self.channels % unit == 0)
        self.tile = {"unit": self.unit, "height": height, "columns": columns}
        across = triton.cdiv(self.channels, columns)
        self.parts = min(_PARTS, triton.cdiv(self.rows, height))
        self.summing = (self.parts, across)
        self.mapping = (triton.cdiv(self.rows, height), across)
        self.adding = (triton.cdiv(self.channels, _COLUMNS),)
        self.added = {"unit": self.unit, "most": _PARTS, "columns": _COLUMNS}

    @property
    def shape(self) -> tuple[int, int]:
        """Rows, and channels in units."""
        return self.rows, self.channels // self.unit


def _in_rows(x: Tensor) -> Tensor:
    """`x` with its channels last in memory."""
    return x.contiguous(memory_format=torch.channels_last) if x.ndim == 4 else x.contiguous()


@triton.jit
def _sums(x, parts, rows, units, unit: tl.constexpr, height: tl.constexpr, columns: tl.constexpr):
    """Sums of x and of its squares, less the first row, over a part of the rows."""
    channels = units * unit
    c = tl.program_id(1) * columns + tl.arange(0, columns)
    inside = c < channels
    first = tl.load(x + c, mask=inside, other=0).to(tl.float32)
    linear = tl.zeros((height, columns), tl.float32)
    square = tl.zeros((height, columns), tl.float32)
    for start in range(tl.program_id(0) * height, rows, tl.num_programs(0) * height):
        r = start + tl.arange(0, height)
        at = r.to(tl.int64)[:, None] * channels + c[None, :]
        mask = (r < rows)[:, None] & inside[None, :]
        value = tl.load(x + at, mask=mask, other=0).to(tl.float32)
        value = tl.where(mask, value - first[None, :], 0)
        linear += value
        square += value * value
    out = parts + tl.program_id(0) * channels + c
    tl.store(out, tl.sum(linear, 0), mask=inside)
    tl.store(out + tl.num_programs(0) * channels, tl.sum(square, 0), mask=inside)


@triton.jit
def _statistics(
    x, parts, known, weight, bias, running_mean, running_var, offset,
    rows, units, count, momentum, epsilon,
    has_offset: tl.constexpr, unit: tl.constexpr, most: tl.constexpr, columns: tl.constexpr,
):  # fmt: skip
    """Mean and deviation of all rows, the running ones, and y as a multiple of x."""
    channels = units * unit
    c = tl.program_id(0) * columns + tl.arange(0, columns)
    inside = c < channels
    p = tl.arange(0, most)
    mask = (p < count)[:, None] & inside[None, :]
    at = parts + p[:, None] * channels + c[None, :]
    linear = tl.sum(tl.load(at, mask=mask, other=0), 0) / rows
    square = tl.sum(tl.load(at + count * channels, mask=mask, other=0), 0) / rows
    first = tl.load(x + c, mask=inside, other=0).to(tl.float32)
    mean = first + linear
    # tl.maximum would make 0 of NaN.
    variance = square - linear * linear
    variance = tl.where(variance < 0, 0.0, variance)
    rescale = 1 / tl.sqrt(variance + epsilon)
    scale = tl.load(weight + c, mask=inside, other=0) * rescale
    shift = tl.load(bias + c, mask=inside, other=0) - mean * scale
    tl.store(known + c, mean, mask=inside)
    tl.store(known + channels + c, rescale, mask=inside)
    tl.store(known + 2 * channels + c, scale, mask=inside)
    tl.store(known + 3 * channels + c, shift, mask=inside)
    if has_offset:
        mean += tl.load(offset + c, mask=inside, other=0)
    old = tl.load(running_mean + c, mask=inside, other=0)
    tl.store(running_mean + c, (1 - momentum) * old + momentum * mean, mask=inside)
    old = tl.load(running_var + c, mask=inside, other=0)
    tl.store(running_var + c, (1 - momentum) * old + momentum * variance, mask=inside)


@triton.jit
def _normalise(
    x, y, shortcut, known, rows, units,
    has_shortcut: tl.constexpr, relu: tl.constexpr,
    unit: tl.constexpr, height: tl.constexpr, columns: tl.constexpr,
):  # fmt: skip
    channels = units * unit
    r = tl.program_id(0) * height + tl.arange(0, height)
    c = tl.program_id(1) * columns + tl.arange(0, columns)
    inside = c < channels
    at = r.to(tl.int64)[:, None] * channels + c[None, :]
    mask = (r < rows)[:, None] & inside[None, :]
    scale = tl.load(known + 2 * channels + c, mask=inside, other=0)
    shift = tl.load(known + 3 * channels + c, mask=inside, other=0)
    value = tl.load(x + at, mask=mask, other=0).to(tl.float32) * scale[None, :] + shift[None, :]
    if has_shortcut:
        value += tl.load(shortcut + at, mask=mask, other=0).to(tl.float32)
    if relu:
        value = tl.where(value <= 0, 0.0, value)  # NaN stays
    tl.store(y + at, value.to(y.dtype.element_ty), mask=mask)


@triton.jit
def _gradient_sums(
    x, y, dy, parts, known, rows, units,
    relu: tl.constexpr, unit: tl.constexpr, height: tl.constexpr, columns: tl.constexpr,
):  # fmt: skip
    """Sums of the gradient, and of the gradient times x less its mean, over a part of the rows."""
    channels = units * unit
    c = tl.program_id(1) * columns + tl.arange(0, columns)
    inside = c < channels
    mean = tl.load(known + c, mask=inside, other=0)
    plain = tl.zeros((height, columns), tl.float32)
    centred = tl.zeros((height, columns), tl.float32)
    for start in range(tl.program_id(0) * height, rows, tl.num_programs(0) * height):
        r = start + tl.arange(0, height)
        at = r.to(tl.int64)[:, None] * channels + c[None, :]
        mask = (r < rows)[:, None] & inside[None, :]
        gradient = tl.load(dy + at, mask=mask, other=0).to(tl.float32)
        if relu:
            gradient = tl.where(tl.load(y + at, mask=mask, other=0) <= 0, 0.0, gradient)
        value = tl.load(x + at, mask=mask, other=0).to(tl.float32)
        plain += gradient
        centred += gradient * (value - mean[None, :])
    out = parts + tl.program_id(0) * channels + c
    tl.store(out, tl.sum(plain, 0), mask=inside)
    tl.store(out + tl.num_programs(0) * channels, tl.sum(centred, 0), mask=inside)


@triton.jit
def _gradients(
    parts, known, found, rows, units, count,
    unit: tl.constexpr, most: tl.constexpr, columns: tl.constexpr,
):  # fmt: skip
    """Gradients of weight and bias, and the factors of x and 1 in the input's gradient."""
    channels = units * unit
    c = tl.program_id(0) * columns + tl.arange(0, columns)
    inside = c < channels
    p = tl.arange(0, most)
    mask = (p < count)[:, None] & inside[None, :]
    at = parts + p[:, None] * channels + c[None, :]
    plain = tl.sum(tl.load(at, mask=mask, other=0), 0)
    centred = tl.sum(tl.load(at + count * channels, mask=mask, other=0), 0)
    rescale = tl.load(known + channels + c, mask=inside, other=0)
    scale = tl.load(known + 2 * channels + c, mask=inside, other=0)
    tl.store(found + c, centred * rescale, mask=inside)
    tl.store(found + channels + c, plain, mask=inside)
    factor = -scale * rescale * rescale * centred / rows
    tl.store(found + 2 * channels + c, factor, mask=inside)
    tl.store(found + 3 * channels + c, -scale * plain / rows, mask=inside)


@triton.jit
def _input_gradient(
    x, y, dy, dx, dshortcut, known, found, rows, units,
    has_shortcut: tl.constexpr, relu: tl.constexpr,
    unit: tl.constexpr, height: tl.constexpr, columns: tl.constexpr,
):  # fmt: skip
    channels = units * unit
    r = tl.program_id(0) * height + tl.arange(0, height)
    c = tl.program_id(1) * columns + tl.arange(0, columns)
    inside = c < channels
    at = r.to(tl.int64)[:, None] * channels + c[None, :]
    mask = (r < rows)[:, None] & inside[None, :]
    mean = tl.load(known + c, mask=inside, other=0)
    scale = tl.load(known + 2 * channels + c, mask=inside, other=0)
    factor = tl.load(found + 2 * channels + c, mask=inside, other=0)
    constant = tl.load(found + 3 * channels + c, mask=inside, other=0)
    gradient = tl.load(dy + at, mask=mask, other=0).to(tl.float32)
    if relu:
        gradient = tl.where(tl.load(y + at, mask=mask, other=0) <= 0, 0.0, gradient)
    value = tl.load(x + at, mask=mask, other=0).to(tl.float32) - mean[None, :]
    result = gradient * scale[None, :] + value * factor[None, :] + constant[None, :]
    tl.store(dx + at, result.to(dx.dtype.element_ty), mask=mask)
    if has_shortcut:
        tl.store(dshortcut + at, gradient.to(dshortcut.dtype.element_ty), mask=mask)
