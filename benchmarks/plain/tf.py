"""The plain network in TensorFlow: Keras layers, steps in a `tf.function`, as in the chapter."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from numpy.typing import NDArray

from benchmarks.plain import RATE, BlockShape, block_shapes
from common.arch import AnyNetSpec


def _conv(
    x: keras.KerasTensor, channels: int, size: int, stride: int, bias: bool, groups: int = 1
) -> keras.KerasTensor:
    padding = "same"
    if stride > 1 and size > 1:
        # Here "same" would pad at the bottom and right alone.
        x, padding = layers.ZeroPadding2D(size // 2)(x), "valid"
    return layers.Conv2D(channels, size, stride, padding, groups=groups, use_bias=bias)(x)


def _norm(x: keras.KerasTensor, spec: AnyNetSpec) -> keras.KerasTensor:
    return layers.BatchNormalization(momentum=1 - spec.bn_momentum, epsilon=spec.bn_epsilon)(x)


def _block(x: keras.KerasTensor, shape: BlockShape, spec: AnyNetSpec) -> keras.KerasTensor:
    """The ResNeXt block, with squeeze-and-excitation where the network has it."""
    bias = spec.conv_bias
    y = layers.ReLU()(_norm(_conv(x, shape.middle, 1, 1, bias), spec))
    y = layers.ReLU()(_norm(_conv(y, shape.middle, 3, shape.stride, bias, shape.groups), spec))
    if shape.se_channels:
        gates = layers.GlobalAveragePooling2D(keepdims=True)(y)
        gates = layers.Dense(shape.se_channels, activation="relu")(gates)
        y = layers.Multiply()([y, layers.Dense(shape.middle, activation="sigmoid")(gates)])
    y = _norm(_conv(y, shape.channels, 1, 1, bias), spec)
    if shape.project:
        x = _norm(_conv(x, shape.channels, 1, shape.stride, bias), spec)
    return layers.ReLU()(layers.Add()([y, x]))


def network(spec: AnyNetSpec, image_shape: tuple[int, int, int]) -> keras.Model:
    """Stem, blocks and head."""
    channels, height, width = image_shape
    images = keras.Input((height, width, channels))
    x = layers.Rescaling(1 / 255)(images)
    x = _conv(x, spec.stem_channels, 3, spec.stem_stride, spec.conv_bias)
    x = layers.ReLU()(_norm(x, spec))
    for shape in block_shapes(spec):
        x = _block(x, shape, spec)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(images, layers.Dense(spec.num_classes)(x))


class Plain:
    """A plain network being trained."""

    def __init__(self, spec: AnyNetSpec, image_shape: tuple[int, int, int]) -> None:
        self.net = network(spec, image_shape)
        self.optimizer = keras.optimizers.SGD(RATE)
        self.optimizer.build(self.net.trainable_variables)
        self.loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        self._step = tf.function(self._traced_step)
        self._forward = tf.function(self.net)

    def _traced_step(self, images: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        variables = self.net.trainable_variables
        with tf.GradientTape() as tape:
            loss = self.loss(labels, self.net(images, training=True))
        self.optimizer.apply(tape.gradient(loss, variables), variables)
        return loss

    def train_step(self, images: NDArray[np.uint8], labels: NDArray[np.int32]) -> tf.Tensor:
        """One step; the loss."""
        return self._step(_to_nhwc(images), tf.constant(labels))

    def eval_step(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Logits (N, classes)."""
        return self._forward(_to_nhwc(images), training=False).numpy()


def _to_nhwc(images: NDArray[np.uint8]) -> tf.Tensor:
    return tf.constant(images.transpose(0, 2, 3, 1))


def wait() -> None:
    """Return when all that was begun is done: a function has finished when it returns."""
    if tf.config.list_physical_devices("GPU"):
        tf.test.experimental.sync_devices()
