"""Convolutions padded alike on all sides, and fast ones in groups of channels."""

from functools import partial
from itertools import product
from typing import Literal

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array, lax

from common.errors import ConfigError

__all__ = ["Conv", "conv2d", "grouped_conv"]

Algorithm = Literal["auto", "native", "split", "scan", "batch", "shift"]

_LANES = 16
"""Channels that a processor multiplies at once; narrower groups are convolved together."""
_SPLIT_AT_MOST = 16
"""Convolutions that `auto` has compiled one by one."""
_FEW_POSITIONS, _FEW_NUMBERS = 1024, 1 << 20
"""Positions N H W, numbers N H W C, up to which one batched product is as fast as one per group."""
_IMAGES_PER_PIECE = 32
"""Images in a piece of the batch, for the gradient of a kernel."""


def grouped_conv(
    x: Array, kernel: Array, strides: int = 1, groups: int = 1, algorithm: Algorithm = "auto"
) -> Array:
    """A convolution in groups of channels, padded alike on all sides.

    Images (N, H, W, C) and kernel (k, k, C / groups, out) to (N, H / strides, W / strides, out).
    All algorithms give the same numbers, and `native` is XLA's own. On its CPU backend, gradients
    included, the others are 5 to 140 times as fast, and `auto` takes

    - `shift` for groups of one channel: a sum of shifted images times weights;
    - `batch` for few positions: one matrix product, batched over the groups;
    - `split` for some groups: a dense convolution for each, or for some narrow ones together, its
      gradient in pieces of the batch;
    - `scan` for many: the same, one after the other in a loop.

    `split` alone compiles in a time that grows with the groups, and `scan` takes up to half as long
    again to run.

    Raises `ConfigError`.
    """
    if algorithm == "auto":
        algorithm = _fastest(x, kernel, groups)
    if algorithm not in _ALGORITHMS:
        names = ", ".join(_ALGORITHMS)
        raise ConfigError(f"algorithm: must be one of auto, {names}; got {algorithm!r}")
    if algorithm == "shift" and not _is_depthwise(kernel, groups):
        given = f"{groups} groups and a kernel of shape {kernel.shape}"
        raise ConfigError(f"algorithm: shift takes one channel per group; got {given}; use auto")
    return _ALGORITHMS[algorithm](x, kernel, strides, groups)


def _fastest(x: Array, kernel: Array, groups: int) -> Algorithm:
    if jax.default_backend() != "cpu":
        return "native"
    if _is_depthwise(kernel, groups):
        return "shift"
    known = isinstance(x.shape[0], int)  # the number of images is open in an exported network
    few = known and x[..., 0].size <= _FEW_POSITIONS and x.size <= _FEW_NUMBERS
    together = _together(kernel, groups)
    if few and groups > 1 and together == 1:
        return "batch"
    return "scan" if groups > _SPLIT_AT_MOST * together else "split"


def _is_depthwise(kernel: Array, groups: int) -> bool:
    return kernel.shape[2:] == (1, groups)


def _together(kernel: Array, groups: int) -> int:
    """How many groups are convolved as one."""
    return min(groups, max(1, _LANES // kernel.shape[2]))


def _native(x: Array, kernel: Array, strides: int, groups: int) -> Array:
    around = ((kernel.shape[0] - 1) // 2,) * 2
    return _convolution(x, kernel, (around, around), strides=strides, groups=groups)


def _convolution(
    x: Array,
    kernel: Array,
    padding: tuple[tuple[int, int], ...],
    strides: int = 1,
    dilation: int = 1,
    groups: int = 1,
) -> Array:
    return lax.conv_general_dilated(
        x,
        kernel,
        (strides, strides),
        padding,
        rhs_dilation=(dilation, dilation),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=groups,
    )


def _split(x: Array, kernel: Array, strides: int, groups: int) -> Array:
    width, out = kernel.shape[2], kernel.shape[3] // groups
    firsts = range(0, groups, _together(kernel, groups))[1:]
    xs = jnp.split(x, [first * width for first in firsts], -1)
    kernels = jnp.split(kernel, [first * out for first in firsts], -1)
    parts = zip(xs, kernels, strict=True)
    ys = [_dense(x, _block_diagonal(kernel, x.shape[-1]), strides) for x, kernel in parts]
    return jnp.concatenate(ys, -1)


def _scan(x: Array, kernel: Array, strides: int, groups: int) -> Array:
    together = _together(kernel, groups)
    width, out, steps = kernel.shape[2], kernel.shape[3], -(-groups // together)

    def apart(array: Array, channels: int) -> Array:
        """An array (..., groups * channels) as one (steps, ..., together * channels)."""
        *axes, given = array.shape
        wanted = steps * together * channels
        array = jnp.pad(array, (*((0, 0) for _ in axes), (0, wanted - given)))
        return jnp.moveaxis(array.reshape(*axes, steps, together * channels), -2, 0)

    dense = jax.vmap(partial(_block_diagonal, channels=together * width))
    ys = _in_turn(apart(x, width), dense(apart(kernel, out // groups)), strides)
    y = jnp.moveaxis(ys, 0, -2)
    return y.reshape(*y.shape[:-2], steps * y.shape[-1])[..., :out]


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def _in_turn(xs: Array, kernels: Array, strides: int) -> Array:
    """A convolution of each of `xs`, compiled once; so are their gradients."""
    return lax.map(lambda pair: _dense(*pair, strides), (xs, kernels))


def _in_turn_backward(strides: int, pairs: tuple[Array, Array], dys: Array) -> tuple[Array, Array]:
    return lax.map(lambda part: _dense_backward(strides, part[:2], part[2]), (*pairs, dys))


_in_turn.defvjp(
    lambda xs, kernels, strides: (_in_turn(xs, kernels, strides), (xs, kernels)), _in_turn_backward
)


def _block_diagonal(kernel: Array, channels: int) -> Array:
    """A dense kernel (k, k, channels, out) of one in groups, with zeros between them."""
    side, _, width, out = kernel.shape
    groups = channels // width
    if groups == 1:
        return kernel
    own = jnp.eye(groups, dtype=bool)[:, None, :, None]
    blocks = jnp.where(own, kernel.reshape(side, side, 1, width, groups, -1), 0)
    return blocks.reshape(side, side, channels, out)


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def _dense(x: Array, kernel: Array, strides: int) -> Array:
    """One convolution, whose gradients are convolutions with axes in XLA's own order.

    Of another order its CPU backend is as fast only outside of loops. The kernel's gradient is
    summed over pieces of the batch: it is computed on one core, and in pieces in half the time.
    """
    return _native(x, kernel, strides, 1)


def _dense_backward(strides: int, residuals: tuple[Array, Array], dy: Array) -> tuple[Array, Array]:
    x, kernel = residuals
    side, around = kernel.shape[0], (kernel.shape[0] - 1) // 2
    # What the strides leave out at the end of rows and columns.
    left = [x.shape[i] + 2 * around - side - (dy.shape[i] - 1) * strides for i in (1, 2)]
    between = [(0, 0, strides - 1 if i in (1, 2) else 0) for i in range(4)]
    spread, back = lax.pad(dy, jnp.zeros((), dy.dtype), between), side - 1 - around
    ends = tuple((back, back + size) for size in left)
    dx = _convolution(spread, jnp.flip(kernel, (0, 1)).swapaxes(2, 3), ends)
    ends = tuple((around, around - size) for size in left)
    pieces, dkernel = max(1, len(x) // _IMAGES_PER_PIECE), jnp.zeros_like(kernel)
    for part, dpart in zip(jnp.array_split(x, pieces), jnp.array_split(dy, pieces), strict=True):
        images, weights = part.transpose(3, 1, 2, 0), dpart.transpose(1, 2, 0, 3)
        dkernel += _convolution(images, weights, ends, dilation=strides).transpose(1, 2, 0, 3)
    return dx, dkernel


_dense.defvjp(lambda x, kernel, strides: (_dense(x, kernel, strides), (x, kernel)), _dense_backward)


def _batch(x: Array, kernel: Array, strides: int, groups: int) -> Array:
    side, _, width, out = kernel.shape
    by_group = jnp.moveaxis(x.reshape(*x.shape[:3], groups, width), 3, 0)
    patches = jnp.concatenate(_shifted(by_group, side, strides), -1)
    weights = jnp.moveaxis(kernel.reshape(side * side * width, groups, -1), 1, 0)
    y = patches.reshape(groups, -1, side * side * width) @ weights
    return jnp.moveaxis(y.reshape(*patches.shape[:4], -1), 0, 3).reshape(*patches.shape[1:4], out)


def _shift(x: Array, kernel: Array, strides: int, groups: int) -> Array:
    weights = kernel.reshape(-1, groups)
    shifted = _shifted(x, kernel.shape[0], strides)
    return sum(image * weight for image, weight in zip(shifted, weights, strict=True))


def _shifted(x: Array, side: int, strides: int) -> list[Array]:
    """What each weight of a kernel sees of padded images (..., N, H, W, C)."""
    height, width = x.shape[-3:-1]
    around = ((side - 1) // 2,) * 2
    x = jnp.pad(x, (*((0, 0),) * (x.ndim - 3), around, around, (0, 0)))
    corners = product(range(side), repeat=2)
    return [x[..., i : i + height : strides, j : j + width : strides, :] for i, j in corners]


_ALGORITHMS = {
    "native": _native,
    "split": _split,
    "scan": _scan,
    "batch": _batch,
    "shift": _shift,
}


def conv2d(x: Array, kernel: Array, strides: int = 1, groups: int = 1) -> Array:
    """A convolution as the network uses it: a 1x1 kernel is a matrix product over positions."""
    if kernel.shape[:2] == (1, 1) and groups == 1:
        x = x[:, ::strides, ::strides]
        # With four axes XLA's CPU backend would transpose the output's gradient for the kernel's.
        y = x.reshape(-1, x.shape[-1]) @ kernel[0, 0]
        return y.reshape(*x.shape[:-1], kernel.shape[-1])
    return grouped_conv(x, kernel, strides, groups)


class Conv(nn.Module):
    """A convolution padded alike on all sides, so that stride 1 keeps the size."""

    channels: int
    kernel_size: int
    strides: int = 1
    groups: int = 1
    use_bias: bool = True

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """(N, H, W, C) to (N, H / strides, W / strides, channels), rounded up."""
        shape = (self.kernel_size, self.kernel_size, x.shape[-1] // self.groups, self.channels)
        kernel = self.param("kernel", nn.initializers.xavier_uniform(), shape)
        y = conv2d(x, kernel, self.strides, self.groups)
        if self.use_bias:
            y = y + self.param("bias", nn.initializers.zeros, (self.channels,))
        return y
