"""Layers with the padding, constants and statistics that all four frameworks share."""

from collections.abc import Callable
from functools import partial
from itertools import product
from typing import Any, Literal

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array, lax

from common.arch import BN_EPSILON, BN_MOMENTUM, shared_momentum
from common.data import resize_matrix
from common.errors import ConfigError

__all__ = [
    "BatchNorm",
    "Chain",
    "Conv",
    "SqueezeExcitation",
    "conv2d",
    "grouped_conv",
    "norm",
    "resize_images",
]

Algorithm = Literal["auto", "native", "split", "batch", "shift"]
Residuals = tuple[Array, Array, Array, Array]

_FEW_POSITIONS, _FEW_NUMBERS = 1024, 1 << 18
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
    - `batch` for few positions: one matrix product, batched over the groups, which compiles in a
      time that does not grow with them;
    - `split` for all else: a dense convolution per group, its gradient in pieces of the batch.

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
    return "batch" if groups > 1 and few else "split"


def _is_depthwise(kernel: Array, groups: int) -> bool:
    return kernel.shape[2:] == (1, groups)


def _native(x: Array, kernel: Array, strides: int, groups: int) -> Array:
    around = ((kernel.shape[0] - 1) // 2,) * 2
    options = {"dimension_numbers": ("NHWC", "HWIO", "NHWC"), "feature_group_count": groups}
    return lax.conv_general_dilated(x, kernel, (strides,) * 2, (around, around), **options)


def _split(x: Array, kernel: Array, strides: int, groups: int) -> Array:
    parts = zip(jnp.split(x, groups, -1), jnp.split(kernel, groups, -1), strict=True)
    return jnp.concatenate([_dense(part, weights, strides) for part, weights in parts], -1)


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def _dense(x: Array, kernel: Array, strides: int) -> Array:
    """One convolution, whose kernel's gradient is summed over pieces of the batch.

    XLA's CPU backend computes that gradient on one core, and in pieces in half the time.
    """
    return _native(x, kernel, strides, 1)


def _dense_backward(strides: int, residuals: tuple[Array, Array], dy: Array) -> tuple[Array, Array]:
    x, kernel = residuals
    _, to_dx = jax.vjp(lambda x: _native(x, kernel, strides, 1), x)
    pieces = max(1, len(x) // _IMAGES_PER_PIECE)
    dkernel = jnp.zeros_like(kernel)
    for part, dpart in zip(jnp.array_split(x, pieces), jnp.array_split(dy, pieces), strict=True):
        _, to_dkernel = jax.vjp(partial(_native, part, strides=strides, groups=1), kernel)
        dkernel += to_dkernel(dpart)[0]
    return *to_dx(dy), dkernel


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


_ALGORITHMS = {"native": _native, "split": _split, "batch": _batch, "shift": _shift}


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


class BatchNorm(nn.Module):
    """Batch norm whose running variance averages the biased batch variance.

    `momentum` is the weight of the new batch.
    """

    epsilon: float = BN_EPSILON
    momentum: float = BN_MOMENTUM
    training: bool = True

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Normalise (N, H, W, C), or (N, C), per channel, by statistics in float32 at least."""
        channels = x.shape[-1:]
        scale = self.param("scale", nn.initializers.ones, channels, jnp.float32)
        bias = self.param("bias", nn.initializers.zeros, channels, jnp.float32)
        mean = self.variable("batch_stats", "mean", jnp.zeros, channels, jnp.float32)
        var = self.variable("batch_stats", "var", jnp.ones, channels, jnp.float32)
        if not self.training:
            return _normalise(x, scale, bias, mean.value, lax.rsqrt(var.value + self.epsilon))
        y, batch_mean, batch_var = _normalise_batch(x, scale, bias, self.epsilon)
        if not self.is_initializing():
            old = 1 - shared_momentum(self.momentum)
            mean.value = old * mean.value + (1 - old) * batch_mean
            var.value = old * var.value + (1 - old) * batch_var
        return y


def _normalise(x: Array, scale: Array, bias: Array, mean: Array, inverse: Array) -> Array:
    y = (x - mean) * (inverse * scale) + bias
    return y.astype(jnp.result_type(x, scale, bias))


@partial(jax.custom_vjp, nondiff_argnums=(3,))
def _normalise_batch(
    x: Array, scale: Array, bias: Array, epsilon: float
) -> tuple[Array, Array, Array]:
    """Images normalised by their own statistics, which follow: mean and biased variance.

    Gradients flow through the images alone; written out, they need two sums over positions, and
    XLA fewer kernels than for the automatic ones.
    """
    return _batch_forward(x, scale, bias, epsilon)[0]


def _batch_forward(
    x: Array, scale: Array, bias: Array, epsilon: float
) -> tuple[tuple[Array, Array, Array], Residuals]:
    mean = x.mean(_positions(x), dtype=_at_least_float32(x))
    var = ((x - mean) ** 2).mean(_positions(x))  # E[x^2] - E[x]^2 loses digits in float32
    inverse = lax.rsqrt(var + epsilon)
    return (_normalise(x, scale, bias, mean, inverse), mean, var), (x, scale, mean, inverse)


def _batch_backward(
    epsilon: float, residuals: Residuals, gradients: tuple[Array, Array, Array]
) -> tuple[Array, Array, Array]:
    x, scale, mean, inverse = residuals
    dy, centred = gradients[0], x - mean
    dbias = dy.sum(_positions(x), dtype=_at_least_float32(dy))
    dscale = (dy * centred).sum(_positions(x)) * inverse
    count = x.size // x.shape[-1]
    dx = scale * inverse * (dy - dbias / count - centred * (inverse * dscale / count))
    return dx.astype(x.dtype), dscale.astype(scale.dtype), dbias.astype(scale.dtype)


_normalise_batch.defvjp(_batch_forward, _batch_backward)


def _positions(x: Array) -> range:
    """All axes of images (N, H, W, C), or of vectors (N, C), but their channels."""
    return range(x.ndim - 1)


def _at_least_float32(x: Array) -> jnp.dtype:
    return jnp.promote_types(x.dtype, jnp.float32)


def norm(
    epsilon: float = BN_EPSILON,
    momentum: float = BN_MOMENTUM,
    training: bool = True,
    batch_norm: bool = True,
    **module: Any,
) -> Callable[[Array], Array]:
    """Batch norm, or nothing in a network without.

    `momentum` is the weight of the new batch, `module` holds the layer's name and parent.
    """
    return BatchNorm(epsilon, momentum, training, **module) if batch_norm else _identity


def _identity(x: Array) -> Array:
    return x


class SqueezeExcitation(nn.Module):
    """A gate per channel, computed from the mean of all channels (Hu et al., 2018)."""

    se_channels: int

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Scale (N, H, W, C) by gates in (0, 1)."""
        gates = nn.relu(nn.Dense(self.se_channels, name="fc1")(x.mean((1, 2))))
        gates = nn.sigmoid(nn.Dense(x.shape[-1], name="fc2")(gates))
        return x * gates[:, None, None]


class Chain(nn.Sequential):
    """Modules applied one after the other, each under its own name."""

    preserve_adopted_names = True


def detached(module: Callable[..., nn.Module], name: str) -> Callable[..., nn.Module]:
    """`module` under a name of its own, without a parent until a `Chain` adopts it."""
    return partial(module, name=name, parent=None)


def resize_images(images: Array, size: tuple[int, int], dtype: jnp.dtype = jnp.float32) -> Array:
    """Scale uint8 images to [0, 1] and resize them bilinearly, on their device.

    (N, H, W, C) uint8 to (N, *size, C) of `dtype`; the definition is `common.data.prepare`.
    """
    x = images.astype(dtype) / 255
    height, width = images.shape[1:3]
    if (height, width) == tuple(size):
        return x
    multiply = partial(jnp.einsum, precision=lax.Precision.HIGHEST)
    x = multiply("vw,nhwc->nhvc", resize_matrix(width, size[1]), x)
    return multiply("uh,nhvc->nuvc", resize_matrix(height, size[0]), x)
