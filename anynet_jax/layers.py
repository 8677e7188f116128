"""Layers whose padding, constants and statistics are the same in all four frameworks."""

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
from common.data.mixup import partners

__all__ = [
    "BatchNorm",
    "Chain",
    "SqueezeExcitation",
    "materialize",
    "mix_images",
    "no_norm",
    "prepare_images",
    "products",
    "relu",
    "remat",
    "resize_images",
]

_KEPT = "kept"
"""Name of the small arrays that rematerialisation saves."""
_LARGE = 1 << 18
"""Elements from which on rematerialisation pays, a megabyte of float32."""


class BatchNorm(nn.Module):
    """Batch norm whose running variance averages the biased batch variance.

    `momentum` is the weight of the new batch.
    """

    epsilon: float = BN_EPSILON
    momentum: float = BN_MOMENTUM
    training: bool = True

    @nn.compact
    def __call__(
        self, x: Array, use_running_average: bool | None = None, offset: Array | None = None
    ) -> Array:
        """Normalise (N, H, W, C), or (N, C), per channel, by statistics in float32 at least.

        `use_running_average` says by which, instead of the field `training`. `offset` (C,) is the
        bias of the layer before, if it was not added to `x`: statistics of the batch cancel it, and
        it moves the running mean alone.
        """
        channels = x.shape[-1:]
        scale = self.param("scale", nn.initializers.ones, channels, jnp.float32)
        bias = self.param("bias", nn.initializers.zeros, channels, jnp.float32)
        mean = self.variable("batch_stats", "mean", jnp.zeros, channels, jnp.float32)
        var = self.variable("batch_stats", "var", jnp.ones, channels, jnp.float32)
        if not self.training if use_running_average is None else use_running_average:
            x = x if offset is None else x + offset
            return _normalise(x, scale, bias, mean.value, lax.rsqrt(var.value + self.epsilon))
        y, batch_mean, batch_var = _normalise_batch(x, scale, bias, self.epsilon)
        if not self.is_initializing():
            old = 1 - shared_momentum(self.momentum)
            batch_mean = batch_mean if offset is None else batch_mean + offset
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
    """(normalised x, batch mean, biased batch variance)."""
    mean, var = _statistics(x)
    return _normalise(x, scale, bias, mean, lax.rsqrt(var + epsilon)), mean, var


@_normalise_batch.defjvp
def _normalise_batch_jvp(
    epsilon: float, primals: tuple[Array, ...], tangents: tuple[Array, ...]
) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
    """The derivative, with only two reductions over positions.

    Its transpose, the gradient, then has two as well, and XLA compiles fewer kernels than for the
    automatic one. As a JVP rule it keeps derivatives of any order exact.
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
    """All axes of (N, H, W, C), or of (N, C), except the channels."""
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
    """The positive part of `x`, which keeps NaN; the gradient at 0 is 0.

    XLA's CPU backend (jaxlib 0.10.2) turns NaN into 0 where it fuses `maximum`, as in
    `flax.linen.relu`, with a mean. `flax.linen.relu` can come back when
    `jit(lambda x: nn.relu(x).mean((1, 2)))` of a batch of NaN is NaN.
    """
    return jnp.where(x <= 0, 0, x)


def remat(function: Callable[[Array], Array], module: nn.Module, x: Array) -> Array:
    """Apply `function`, which uses layers of `module`, with rematerialisation (`jax.checkpoint`).

    Only statistics and `x` are saved for the backward pass. For a batch norm and a ReLU in front of
    a convolution that halves the memory and costs little time. Used only on a CPU, and only for
    a large `x`.
    """
    if not module.training or _default_platform() != "cpu" or x.size <= _LARGE:
        return function(x)
    kept = jax.checkpoint_policies.save_only_these_names(_KEPT)
    return nn.remat(lambda _, x: function(x), policy=kept)(module, x)


def _default_platform() -> str:
    """The platform of `jax.default_device`, which a learner sets to its device."""
    device = jax.config.jax_default_device
    return getattr(device, "platform", device) or jax.default_backend()


def materialize(x: Array) -> Array:
    """`x`, behind an optimization barrier, so that it is computed once and stored.

    XLA's CPU backend (jaxlib 0.10.2) would fuse the sum of a shortcut into each of its users, and
    so recompute it from the first block of the stage on. It can go when XLA no longer does.
    """
    return lax.optimization_barrier(x)


class Chain(nn.Sequential):
    """Modules applied in order, each under its own name."""

    preserve_adopted_names = True


def unbound(module: Callable[..., nn.Module], name: str) -> Callable[..., nn.Module]:
    """`module` with a name and without a parent, so that a `Chain` adopts it under this name."""
    return partial(module, name=name, parent=None)


@contextmanager
def products(precision: str = "float32") -> Iterator[None]:
    """Context in which a GPU multiplies float32 in full precision, or in TF32 if asked for.

    `precision` is that of the learner. By default XLA rounds the factors to TF32, whose mantissa
    has 10 bits.
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


def mix_images(images: Array, shares: Array) -> Array:
    """Mixup of prepared images (N, ...) by the share (N,) of each that is its own.

    The definition is `common.data.mixup.mixed`.
    """
    own = shares.reshape(-1, *(1,) * (images.ndim - 1))
    return own * images + (1 - own) * images[partners(len(images))]


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
