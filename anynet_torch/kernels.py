"""Triton kernels that fuse batch norm, a shortcut and ReLU, for training on a GPU.

Unfused, PyTorch reads and writes all activations once per operation. Here the forward pass reads
the convolution's output twice and writes the result; the backward pass reads three arrays twice and
writes the gradients. Triton is part of PyTorch's CUDA builds; with `TRITON_INTERPRET=1` the kernels
run on a CPU, for tests. They can go once PyTorch fuses these operations in eager mode or in a
captured CUDA graph.

Activations are rows of channels: (N, H, W, C) in memory, or (N, C). Sums are accumulated in float32
and reduced in two stages without atomics, so that equal inputs give equal outputs.
"""

from typing import NamedTuple

import torch
import triton
import triton.language as tl
from torch import Tensor

__all__ = ["Statistics", "backward", "forward", "tile_of"]

_TILE = 2048
"""Elements per program and iteration."""

_PARTS = 512
"""Maximum number of programs that share the rows of a reduction."""

_COLUMNS = 16
"""Channels per program that reduces the partial sums."""

_SIZES = ("rows", "units", "count")
"""Arguments for which Triton would compile other kernels where they are multiples of 16, or 1."""


class Statistics(NamedTuple):
    """Running statistics of a batch norm, float32 (C,), and its constants.

    `momentum` is the weight of the new batch; the running variance averages the biased one.
    """

    mean: Tensor
    var: Tensor
    momentum: float
    epsilon: float


def forward(
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    offset: Tensor | None,
    shortcut: Tensor | None,
    running: Statistics,
    relu: bool,
) -> tuple[Tensor, Tensor]:
    """The outputs of `fused_norm.batch_norm`, and what `backward` needs to know: float32 (4, C)."""
    rows, shape = _Rows(x), _Rows(x).shape
    # mean, 1 / deviation, and the scale and shift that are applied to x
    known = x.new_empty((4, rows.channels), dtype=torch.float32)
    parts = x.new_empty((2, rows.parts, rows.channels), dtype=torch.float32)
    _sums[rows.summing](x, parts, *shape, **rows.tile)
    _statistics[rows.adding](
        x, parts, known, weight, bias, running.mean, running.var,
        weight if offset is None else offset, *shape, rows.parts, running.momentum,
        running.epsilon, has_offset=offset is not None, **rows.added,
    )  # fmt: skip
    y = torch.empty_like(x)
    _normalise[rows.mapping](
        x, y, y if shortcut is None else shortcut, known, *shape,
        has_shortcut=shortcut is not None, relu=relu, **rows.tile,
    )  # fmt: skip
    return y, known


def backward(
    x: Tensor, y: Tensor, dy: Tensor, known: Tensor, has_shortcut: bool, relu: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
    """Gradients of x, the weight, the bias and the shortcut, from that of y."""
    rows, shape = _Rows(x), _Rows(x).shape
    dy = dy.contiguous(memory_format=torch.channels_last) if dy.ndim == 4 else dy.contiguous()
    parts = x.new_empty((2, rows.parts, rows.channels), dtype=torch.float32)
    _gradient_sums[rows.summing](x, y, dy, parts, known, *shape, relu=relu, **rows.tile)
    # gradients of weight and bias, and the factors of x and 1 in the input's gradient
    found = x.new_empty((4, rows.channels), dtype=torch.float32)
    _gradients[rows.adding](parts, known, found, *shape, rows.parts, **rows.added)
    dx = torch.empty_like(x)
    dshortcut = torch.empty_like(x) if has_shortcut else None
    _input_gradient[rows.mapping](
        x, y, dy, dx, dx if dshortcut is None else dshortcut, known, found, *shape,
        has_shortcut=has_shortcut, relu=relu, **rows.tile,
    )  # fmt: skip
    return dx, found[0], found[1], dshortcut


def tile_of(channels: int) -> dict[str, int]:
    """The constants with which kernels are compiled for so many channels.

    `height` rows and `columns` channels per program and iteration; `unit` divides `channels`, which
    lets the compiler vectorise memory accesses.
    """
    columns = min(triton.next_power_of_2(channels), 512)
    unit = next(unit for unit in (8, 4, 2, 1) if channels % unit == 0)
    return {"unit": unit, "height": max(1, _TILE // columns), "columns": columns}


class _Rows:
    """How an array is split into tiles of rows and channels."""

    def __init__(self, x: Tensor) -> None:
        self.channels = x.shape[1]
        self.rows = x.numel() // self.channels
        self.tile = tile_of(self.channels)
        self.unit, height, columns = self.tile.values()
        across = triton.cdiv(self.channels, columns)
        self.parts = min(_PARTS, triton.cdiv(self.rows, height))
        self.summing = (self.parts, across)
        self.mapping = (triton.cdiv(self.rows, height), across)
        self.adding = (triton.cdiv(self.channels, _COLUMNS),)
        self.added = {"unit": self.unit, "max_parts": _PARTS, "columns": _COLUMNS}

    @property
    def shape(self) -> tuple[int, int]:
        """Rows, and channels in units."""
        return self.rows, self.channels // self.unit


@triton.jit(do_not_specialize=_SIZES)
def _sums(x, parts, rows, units, unit: tl.constexpr, height: tl.constexpr, columns: tl.constexpr):
    """Partial sums of x minus its first row, and of its square.

    Without the shift, E[x^2] - E[x]^2 would lose digits in float32.
    """
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


@triton.jit(do_not_specialize=_SIZES)
def _statistics(
    x, parts, known, weight, bias, running_mean, running_var, offset,
    rows, units, count, momentum, epsilon,
    has_offset: tl.constexpr, unit: tl.constexpr, max_parts: tl.constexpr, columns: tl.constexpr,
):  # fmt: skip
    """Reduce the partial sums: statistics, running statistics, and y as scale * x + shift."""
    channels = units * unit
    c = tl.program_id(0) * columns + tl.arange(0, columns)
    inside = c < channels
    p = tl.arange(0, max_parts)
    mask = (p < count)[:, None] & inside[None, :]
    at = parts + p[:, None] * channels + c[None, :]
    linear = tl.sum(tl.load(at, mask=mask, other=0), 0) / rows
    square = tl.sum(tl.load(at + count * channels, mask=mask, other=0), 0) / rows
    first = tl.load(x + c, mask=inside, other=0).to(tl.float32)
    mean = first + linear
    # tl.maximum would turn NaN into 0.
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


@triton.jit(do_not_specialize=_SIZES)
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
        value = tl.where(value <= 0, 0.0, value)  # keeps NaN
    tl.store(y + at, value.to(y.dtype.element_ty), mask=mask)


@triton.jit(do_not_specialize=_SIZES)
def _gradient_sums(
    x, y, dy, parts, known, rows, units,
    relu: tl.constexpr, unit: tl.constexpr, height: tl.constexpr, columns: tl.constexpr,
):  # fmt: skip
    """Partial sums of the gradient, and of the gradient times x minus its mean."""
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


@triton.jit(do_not_specialize=_SIZES)
def _gradients(
    parts, known, found, rows, units, count,
    unit: tl.constexpr, max_parts: tl.constexpr, columns: tl.constexpr,
):  # fmt: skip
    """Reduce the partial sums to gradients of weight and bias, and factors of the input's."""
    channels = units * unit
    c = tl.program_id(0) * columns + tl.arange(0, columns)
    inside = c < channels
    p = tl.arange(0, max_parts)
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


@triton.jit(do_not_specialize=_SIZES)
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
