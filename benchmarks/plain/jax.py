"""The plain network in JAX: Flax layers under `jax.jit`, optax for the step, as in the chapter."""

from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array
from numpy.typing import NDArray

from benchmarks.plain import RATE, BlockShape, block_shapes
from common.arch import AnyNetSpec


class Block(nn.Module):
    """The ResNeXt block, with squeeze-and-excitation where the network has it."""

    shape: BlockShape
    spec: AnyNetSpec

    @nn.compact
    def __call__(self, x: Array, training: bool) -> Array:
        """(N, H, W, C) to (N, H / stride, W / stride, channels)."""
        shape, strides = self.shape, (self.shape.stride, self.shape.stride)
        conv, norm = _layers(self.spec, training)
        y = nn.relu(norm()(conv(shape.middle, (1, 1))(x)))
        y = conv(shape.middle, (3, 3), strides, padding=1, feature_group_count=shape.groups)(y)
        y = nn.relu(norm()(y))
        if shape.se_channels:
            gates = nn.relu(nn.Dense(shape.se_channels)(y.mean((1, 2))))
            y = y * nn.sigmoid(nn.Dense(shape.middle)(gates))[:, None, None]
        y = norm()(conv(shape.channels, (1, 1))(y))
        if shape.project:
            x = norm()(conv(shape.channels, (1, 1), strides)(x))
        return nn.relu(y + x)


class Network(nn.Module):
    """Stem, blocks and head."""

    spec: AnyNetSpec

    @nn.compact
    def __call__(self, images: Array, training: bool) -> Array:
        """Images uint8 (N, H, W, C) to logits (N, classes)."""
        spec, strides = self.spec, (self.spec.stem_stride, self.spec.stem_stride)
        conv, norm = _layers(spec, training)
        x = images / 255.0
        x = nn.relu(norm()(conv(spec.stem_channels, (3, 3), strides, padding=1)(x)))
        for shape in block_shapes(spec):
            x = Block(shape, spec)(x, training)
        return nn.Dense(spec.num_classes)(x.mean((1, 2)))


def _layers(spec: AnyNetSpec, training: bool) -> tuple[Any, Any]:
    """Constructors of convolutions and batch norms with the spec's constants."""
    constants = {"momentum": 1 - spec.bn_momentum, "epsilon": spec.bn_epsilon}
    norm = partial(nn.BatchNorm, use_running_average=not training, **constants)
    return partial(nn.Conv, use_bias=spec.conv_bias), norm


class Plain:
    """A plain network being trained."""

    def __init__(self, spec: AnyNetSpec, image_shape: tuple[int, int, int]) -> None:
        channels, height, width = image_shape
        net, optimizer = Network(spec), optax.sgd(RATE)
        images = jnp.zeros((1, height, width, channels), jnp.uint8)
        start = jax.jit(partial(net.init, training=False))
        self.variables = start(jax.random.key(0), images)
        self.state = optimizer.init(self.variables["params"])

        @jax.jit
        def step(variables: Any, state: Any, images: Array, labels: Array) -> tuple[Any, Any, Any]:
            def loss_of(params: Any) -> tuple[Array, Any]:
                logits, updates = net.apply(
                    {**variables, "params": params}, images, training=True, mutable=["batch_stats"]
                )
                losses = optax.softmax_cross_entropy_with_integer_labels(logits, labels)
                return losses.mean(), updates

            params = variables["params"]
            (loss, updates), gradients = jax.value_and_grad(loss_of, has_aux=True)(params)
            moves, state = optimizer.update(gradients, state)
            return {"params": optax.apply_updates(params, moves), **updates}, state, loss

        self._step = step
        self._forward = jax.jit(partial(net.apply, training=False))

    def train_step(self, images: NDArray[np.uint8], labels: NDArray[np.int32]) -> Array:
        """One step; the loss."""
        self.variables, self.state, loss = self._step(
            self.variables, self.state, _to_nhwc(images), labels
        )
        return loss

    def eval_step(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Logits (N, classes)."""
        return np.asarray(self._forward(self.variables, _to_nhwc(images)))


def _to_nhwc(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return images.transpose(0, 2, 3, 1)


def wait() -> None:
    """Return when all that was begun is done."""
    jax.block_until_ready(jax.live_arrays())
