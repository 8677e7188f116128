"""Convolutions padded alike on all sides, and fast ones in groups of channels."""

from collections.abc import Callable
from functools import partial
from itertools import product
from typing import Literal

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array, lax

from common.errors import ConfigError, shown

__all__ = ["Conv", "conv2d", "grouped_conv"]

Algorithm = Literal["auto", "native", "split", "scan", "batch", "shift"]

_AXES = ("NHWC", "HWIO", "NHWC")
"""The order of axes in images, kernel and result."""
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
    All algorithms give the same numbers, and `native` is XLA's own, which `auto` takes where the
    program is lowered for anything but a CPU. On XLA's CPU backend, gradients included, the others
    are 5 to 140 times as fast, and `auto` takes

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
        return _on_a_cpu(_ALGORITHMS[_fastest(x, kernel, groups)], x, kernel, strides, groups)
    if algorithm not in _ALGORITHMS:
        names = ", ".join(_ALGORITHMS)
        raise ConfigError(f"algorithm: must be one of auto, {names}; got {shown(algorithm)}")
    if algorithm == "shift" and not _is_depthwise(kernel, groups):
        given = f"{groups} groups and a kernel of shape {kernel.shape}"
        raise ConfigError(f"algorithm: shift takes one channel per group; got {given}; use auto")
    return _ALGORITHMS[algorithm](x, kernel, strides, groups)


def _on_a_cpu(
    convolve: Callable[[Array, Array, int, int], Array],
    x: Array,
    kernel: Array,
    strides: int,
    groups: int,
) -> Array:
    """`convolve` where the program is lowered for a CPU, XLA's own convolution elsewhere.

    XLA aborts the process when it compiles a strided 1x1 convolution as a product for CUDA.
    """
    return lax.platform_dependent(
        x,
        kernel,
        cpu=lambda x, kernel: convolve(x, kernel, strides, groups),
        default=lambda x, kernel: _native(x, kernel, strides, groups),
    )


def _fastest(x: Array, kernel: Array, groups: int) -> Algorithm:
    """The algorithm for a CPU."""
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


def _native(x: Array, kernel: Array, strides: int = 1, groups: int = 1) -> Array:
    return _convolution(kernel.shape[0], strides, groups)(x, kernel)


def _convolution(
    side: int, strides: int = 1, groups: int = 1, axes: tuple[str, str, str] = _AXES
) -> Callable[[Array, Array], Array]:
    """XLA's convolution of images and a kernel of `side`, in arrays with these `axes`."""
    around = ((side - 1) // 2,) * 2
    return partial(
        lax.conv_general_dilated,
        window_strides=(strides, strides),
        padding=(around, around),
        dimension_numbers=axes,
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


@partial(jax.custom_jvp, nondiff_argnums=(2,))
def _in_turn(xs: Array, kernels: Array, strides: int) -> Array:
    """A convolution of each of `xs`, compiled once; so are their gradients."""
    return lax.map(lambda pair: _native(pair[0], pair[1], strides), (xs, kernels))


@_in_turn.defjvp
def _in_turn_jvp(
    strides: int, primals: tuple[Array, Array], tangents: tuple[Array, Array]
) -> tuple[Array, Array]:
    dys = lax.map(lambda arrays: _dense_tangent(*arrays, strides), (*primals, *tangents))
    return _in_turn(*primals, strides), dys


def _block_diagonal(kernel: Array, channels: int) -> Array:
    """A dense kernel (k, k, channels, out) of one in groups, with zeros between them."""
    side, _, width, out = kernel.shape
    groups = channels // width
    if groups == 1:
        return kernel
    own = jnp.eye(groups, dtype=bool)[:, None, :, None]
    blocks = jnp.where(own, kernel.reshape(side, side, 1, width, groups, -1), 0)
    return blocks.reshape(side, side, channels, out)


@partial(jax.custom_jvp, nondiff_argnums=(2,))
def _dense(x: Array, kernel: Array, strides: int) -> Array:
    """One convolution, whose gradients are convolutions with axes in XLA's own order.

    Of another order its CPU backend is as fast only outside of loops. The kernel's gradient is
    summed over pieces of the batch: it is computed on one core, and in pieces in half the time.
    """
    return _native(x, kernel, strides)


@_dense.defjvp
def _dense_jvp(
    strides: int, primals: tuple[Array, Array], tangents: tuple[Array, Array]
) -> tuple[Array, Array]:
    return _dense(*primals, strides), _dense_tangent(*primals, *tangents, strides)


@partial(jax.checkpoint, static_argnums=(4,), prevent_cse=False)
def _dense_tangent(x: Array, kernel: Array, dx: Array, dkernel: Array, strides: int) -> Array:
    """The derivative of a convolution, written so that its transpose is the fast gradient.

    The axes are in XLA's own order in the transpose, not here.
    """
    side, pieces = kernel.shape[0], max(1, len(x) // _IMAGES_PER_PIECE)
    of_images = _convolution(side, axes=("NHWC", "HWOI", "NHWC"))
    of_kernel = _convolution(side, strides, axes=("CHWN", "IHWO", "HWNC"))
    dy = of_images(dx, kernel.swapaxes(2, 3))[:, ::strides, ::strides]
    weights = dkernel.transpose(2, 0, 1, 3)
    parts = [of_kernel(part.transpose(3, 1, 2, 0), weights) for part in jnp.array_split(x, pieces)]
    return dy + jnp.concatenate(parts, 2).transpose(2, 0, 1, 3)


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
    """A convolution as the network uses it: on a CPU a 1x1 kernel is a product over positions."""
    if kernel.shape[:2] == (1, 1) and groups == 1:
        return _on_a_cpu(_product, x, kernel, strides, groups)
    return grouped_conv(x, kernel, strides, groups)


def _product(x: Array, kernel: Array, strides: int, _: int) -> Array:
    x = x[:, ::strides, ::strides]
    # With four axes XLA's CPU backend would transpose the output's gradient for the kernel's.
    y = x.reshape(-1, x.shape[-1]) @ kernel[0, 0]
    return y.reshape(*x.shape[:-1], kernel.shape[-1])


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
