"""Convolutions with symmetric padding, and fast grouped ones."""

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
"""Axes of images, kernel and output."""
_LANES = 16
"""Channels that fill a processor's vector unit; narrower groups are merged."""
_SPLIT_AT_MOST = 16
"""Convolutions up to which `auto` selects `split`, whose compile time grows with them."""
_FEW_POSITIONS, _FEW_NUMBERS = 1024, 1 << 20
"""Positions N H W and elements N H W C up to which a batched product is as fast as many."""
_IMAGES_PER_PIECE = 32
"""Images per piece of the batch, for the gradient of a kernel."""


def grouped_conv(
    x: Array, kernel: Array, strides: int = 1, groups: int = 1, algorithm: Algorithm = "auto"
) -> Array:
    """A grouped convolution with symmetric padding, for images (N, H, W, C).

    `kernel` is (k, k, C / groups, out); returns (N, ceil(H / strides), ceil(W / strides), out). All
    algorithms compute the same function, up to rounding:

    - `native`: XLA's grouped convolution
    - `shift`: a sum of shifted images times weights, for one channel per group only
    - `batch`: one matrix product of patches, batched over the groups
    - `split`: a dense convolution per group, or per several merged narrow groups; the gradient of
      a kernel is summed over pieces of the batch
    - `scan`: like `split`, but in a loop: its compile time does not grow with the groups, and it
      runs up to 1.5 times as long
    - `auto`: `native` where the program is lowered for anything but a CPU; on a CPU `shift` for
      depthwise convolutions, `batch` for few positions, `split` for few groups, `scan` for many

    They exist because XLA's CPU backend (jaxlib 0.10.2) takes 5 to 140 times as long for `native`,
    gradients included. They can go when it does not. Raises `ConfigError`.
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

    On CUDA a strided 1x1 convolution must not become a product: XLA (jaxlib 0.11.2) aborts the
    process when compiling it, in `triton_tiling_propagation.cc`.
    """
    return lax.platform_dependent(
        x,
        kernel,
        cpu=lambda x, kernel: convolve(x, kernel, strides, groups),
        default=lambda x, kernel: _native(x, kernel, strides, groups),
    )


def _fastest(x: Array, kernel: Array, groups: int) -> Algorithm:
    """The fastest algorithm on a CPU, as `grouped_conv` describes it."""
    if _is_depthwise(kernel, groups):
        return "shift"
    known = isinstance(x.shape[0], int)  # an exported network has a symbolic batch size
    few = known and x[..., 0].size <= _FEW_POSITIONS and x.size <= _FEW_NUMBERS
    together = _together(kernel, groups)
    if few and groups > 1 and together == 1:
        return "batch"
    return "scan" if groups > _SPLIT_AT_MOST * together else "split"


def _is_depthwise(kernel: Array, groups: int) -> bool:
    return kernel.shape[2:] == (1, groups)


def _together(kernel: Array, groups: int) -> int:
    """How many groups are merged into one dense convolution."""
    return min(groups, max(1, _LANES // kernel.shape[2]))


def _native(x: Array, kernel: Array, strides: int = 1, groups: int = 1) -> Array:
    return _convolution(kernel.shape[0], strides, groups)(x, kernel)


def _convolution(
    side: int, strides: int = 1, groups: int = 1, axes: tuple[str, str, str] = _AXES
) -> Callable[[Array, Array], Array]:
    """XLA's convolution for a kernel of `side`, with symmetric padding; `axes` as in `_AXES`."""
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
        """(..., groups * channels), padded with zeros, to (steps, ..., together * channels)."""
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
    """A convolution of each of `xs` in a loop: it is compiled once, and so is its gradient."""
    return lax.map(lambda pair: _native(pair[0], pair[1], strides), (xs, kernels))


@_in_turn.defjvp
def _in_turn_jvp(
    strides: int, primals: tuple[Array, Array], tangents: tuple[Array, Array]
) -> tuple[Array, Array]:
    dys = lax.map(lambda arrays: _dense_tangent(*arrays, strides), (*primals, *tangents))
    return _in_turn(*primals, strides), dys


def _block_diagonal(kernel: Array, channels: int) -> Array:
    """A grouped kernel as a dense one (k, k, channels, out), with zeros between the groups."""
    side, _, width, out = kernel.shape
    groups = channels // width
    if groups == 1:
        return kernel
    own = jnp.eye(groups, dtype=bool)[:, None, :, None]
    blocks = jnp.where(own, kernel.reshape(side, side, 1, width, groups, -1), 0)
    return blocks.reshape(side, side, channels, out)


@partial(jax.custom_jvp, nondiff_argnums=(2,))
def _dense(x: Array, kernel: Array, strides: int) -> Array:
    """One dense convolution, whose gradients are convolutions with axes in XLA's preferred order.

    With other axis orders, XLA's CPU backend is slow inside loops. The kernel's gradient is summed
    over pieces of the batch: XLA computes it on one core, in pieces in half the time.
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

    The axes are in XLA's preferred order in the transpose, not here.
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
    """For each position in a kernel, the part of padded images (..., N, H, W, C) that it reads."""
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
    """A grouped convolution as in `grouped_conv`; on a CPU a 1x1 kernel is a matrix product."""
    if kernel.shape[:2] == (1, 1) and groups == 1:
        return _on_a_cpu(_product, x, kernel, strides, groups)
    return grouped_conv(x, kernel, strides, groups)


def _product(x: Array, kernel: Array, strides: int, _: int) -> Array:
    x = x[:, ::strides, ::strides]
    # Flat, since with four axes XLA's CPU backend transposes the output's gradient.
    y = x.reshape(-1, x.shape[-1]) @ kernel[0, 0]
    return y.reshape(*x.shape[:-1], kernel.shape[-1])


class Conv(nn.Module):
    """A convolution with symmetric padding, so that stride 1 keeps the size.

    `cancelled` says that a batch norm follows, which subtracts the bias with the mean of the batch:
    the gradient of the bias is 0, and is not computed.
    """

    channels: int
    kernel_size: int
    strides: int = 1
    groups: int = 1
    use_bias: bool = True
    cancelled: bool = False

    @nn.compact
    def __call__(self, x: Array, adds_bias: bool = True) -> Array:
        """(N, H, W, C) to (N, H / strides, W / strides, channels), rounded up.

        Without `adds_bias` the output lacks the bias, which the batch norm behind then takes.
        """
        shape = (self.kernel_size, self.kernel_size, x.shape[-1] // self.groups, self.channels)
        kernel = self.param("kernel", nn.initializers.xavier_uniform(), shape)
        y = conv2d(x, kernel, self.strides, self.groups)
        if self.use_bias:
            bias = self.param("bias", nn.initializers.zeros, (self.channels,))
            if adds_bias:
                y = y + (lax.stop_gradient(bias) if self.cancelled else bias)
        return y
