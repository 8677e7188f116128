"""Layers with the padding, constants and statistics that all four frameworks share."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array, lax
from jax.ad_checkpoint import checkpoint_name

from common.arch import BN_EPSILON, BN_MOMENTUM, shared_momentum
from common.arrays import check_pixels
from common.data import Preprocessing, check_resized, resize_matrix

__all__ = [
    "BatchNorm",
    "Chain",
    "SqueezeExcitation",
    "materialize",
    "no_norm",
    "prepare_images",
    "products",
    "relu",
    "remat",
    "resize_images",
]

_KEPT = "kept"
"""Name of small arrays that are not computed again."""
_LARGE = 1 << 18
"""Numbers in an array that is worth computing again, a megabyte of float32."""


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


def _statistics(x: Array) -> tuple[Array, Array]:
    """Mean and biased variance per channel."""
    mean = x.mean(_positions(x), dtype=_at_least_float32(x))
    var = ((x - mean) ** 2).mean(_positions(x))  # E[x^2] - E[x]^2 loses digits in float32
    return checkpoint_name(mean, _KEPT), checkpoint_name(var, _KEPT)


@partial(jax.custom_jvp, nondiff_argnums=(3,))
def _normalise_batch(
    x: Array, scale: Array, bias: Array, epsilon: float
) -> tuple[Array, Array, Array]:
    """Images normalised by their own mean and biased variance, and these two."""
    mean, var = _statistics(x)
    return _normalise(x, scale, bias, mean, lax.rsqrt(var + epsilon)), mean, var


@_normalise_batch.defjvp
def _normalise_batch_jvp(
    epsilon: float, primals: tuple[Array, ...], tangents: tuple[Array, ...]
) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
    """The derivative, in terms of two sums over positions.

    Its transpose, the gradient, then takes two sums as well, and XLA fewer kernels than for the
    automatic one.
    """
    x, scale, bias = primals
    mean, var = _statistics(x)
    inverse, centred = lax.rsqrt(var + epsilon), x - mean
    y = _normalise(x, scale, bias, mean, inverse)
    dx, dscale, dbias = (tangent.astype(mean.dtype) for tangent in tangents)
    dmean, half_dvar = dx.mean(_positions(x)), (centred * dx).mean(_positions(x))
    slope = scale * inverse
    shift = dbias - slope * dmean
    stretch = inverse * dscale - slope * inverse**2 * half_dvar
    dy = slope * dx + shift + centred * stretch
    return (y, mean, var), (dy.astype(y.dtype), dmean, 2 * half_dvar)


def _positions(x: Array) -> tuple[int, ...]:
    """All axes of images (N, H, W, C), or of vectors (N, C), but their channels."""
    return tuple(range(x.ndim - 1))


def _at_least_float32(x: Array) -> jnp.dtype:
    return jnp.promote_types(x.dtype, jnp.float32)


def no_norm(**_: Any) -> Callable[[Array], Array]:
    """The identity, in place of a `BatchNorm` and with its arguments."""
    return _identity


def _identity(x: Array) -> Array:
    return x


class SqueezeExcitation(nn.Module):
    """A gate per channel, computed from the mean of all channels (Hu et al., 2018)."""

    se_channels: int

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Scale (N, H, W, C) by gates in (0, 1)."""
        squeezed = checkpoint_name(x.mean((1, 2)), _KEPT)
        gates = relu(nn.Dense(self.se_channels, name="fc1")(squeezed))
        gates = nn.sigmoid(nn.Dense(x.shape[-1], name="fc2")(gates))
        return x * gates[:, None, None]


def relu(x: Array) -> Array:
    """The positive part of `x`, NaN where `x` is.

    XLA's CPU backend makes 0 of NaN where `maximum`, as in `flax.linen.relu`, is computed together
    with a mean. The gradient at 0 is 0.
    """
    return jnp.where(x <= 0, 0, x)


def remat(function: Callable[[Array], Array], module: nn.Module, x: Array) -> Array:
    """`function(x)`, by layers of `module`, of which the backward pass computes anew what it needs.

    Only statistics and `x` are kept for it, on a CPU and where `x` is large: for a batch norm and
    a ReLU before a convolution that is half of the memory, for a small part of the time.
    """
    if not module.training or _default_platform() != "cpu" or x.size <= _LARGE:
        return function(x)
    kept = jax.checkpoint_policies.save_only_these_names(_KEPT)
    return nn.remat(lambda _, x: function(x), policy=kept)(module, x)


def _default_platform() -> str:
    """The platform of `jax.default_device`, which a learner sets to its own."""
    device = jax.config.jax_default_device
    return getattr(device, "platform", device) or jax.default_backend()


def materialize(x: Array) -> Array:
    """`x` itself, as an array in memory.

    XLA's CPU backend would compute a sum of shortcuts again in each of its users, from the first
    block of the stage on.
    """
    return lax.optimization_barrier(x)


class Chain(nn.Sequential):
    """Modules applied one after the other, each under its own name."""

    preserve_adopted_names = True


def unbound(module: Callable[..., nn.Module], name: str) -> Callable[..., nn.Module]:
    """`module` under a name of its own, without a parent until a `Chain` adopts it."""
    return partial(module, name=name, parent=None)


@contextmanager
def products(precision: str = "float32") -> Iterator[None]:
    """Within it, a GPU multiplies float32 as float32, or in TF32 where that is the precision.

    By default it rounds the factors to TF32, to 10 bits.
    """
    if precision == "bfloat16" or jax.default_backend() == "cpu":
        yield
        return
    with jax.default_matmul_precision("tensorfloat32" if precision == "tf32" else "float32"):
        yield


def prepare_images(
    images: Array, preprocessing: Preprocessing, dtype: jnp.dtype = jnp.float32
) -> Array:
    """Pixels as a network sees them, on their device: resized, then `(x * scale - mean) / std`.

    (N, H, W, C) uint8 to (N, *size, C) of `dtype`; the definition is `common.data.network_input`.
    Raises `DataError` for images of another type, or for those that are to be smoothed and have
    another size.
    """
    check_resized(images.shape[1:3], preprocessing)
    x = resize_images(images, preprocessing.size, dtype)
    if preprocessing.is_plain:
        return x
    mean, std = (jnp.array(values, dtype) for values in (preprocessing.mean, preprocessing.std))
    return (x * (255 * preprocessing.scale) - mean) / std


def resize_images(images: Array, size: tuple[int, int], dtype: jnp.dtype = jnp.float32) -> Array:
    """Scale uint8 images to [0, 1] and resize them bilinearly, on their device.

    (N, H, W, C) uint8 to (N, *size, C) of `dtype`; the definition is `common.data.prepare`.
    Raises `DataError` for images of another type.
    """
    check_pixels(images.shape, images.dtype)
    x = images.astype(dtype) / 255
    height, width = images.shape[1:3]
    if (height, width) == tuple(size):
        return x
    multiply = partial(jnp.einsum, precision=lax.Precision.HIGHEST)
    x = multiply("vw,nhwc->nhvc", resize_matrix(width, size[1]), x)
    return multiply("uh,nhvc->nuvc", resize_matrix(height, size[0]), x)
