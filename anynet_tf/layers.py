"""Layers whose padding, constants and statistics are the same in all four frameworks."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import tensorflow as tf

from anynet_tf.convolution import GroupedConv2D
from common.arch import BN_EPSILON, BN_MOMENTUM, shared_momentum
from common.arrays import check_pixels
from common.data import Preprocessing, check_resized, resize_matrix
from common.data.mixup import partners

__all__ = [
    "BatchNorm",
    "ReLU",
    "SqueezeExcitation",
    "conv_norm",
    "conv_norm_relu",
    "linear",
    "no_norm",
    "products",
    "relu",
    "resize_images",
    "sequential",
]

Shape = tuple[int | None, ...]


@keras.saving.register_keras_serializable(package="anynet")
class BatchNorm(keras.layers.BatchNormalization):
    """Batch norm whose running variance averages the biased batch variance.

    `momentum` is the weight of the new batch.
    """

    def __init__(
        self, epsilon: float = BN_EPSILON, momentum: float = BN_MOMENTUM, **kwargs: Any
    ) -> None:
        self.new_weight = shared_momentum(momentum)
        super().__init__(epsilon=epsilon, momentum=1 - self.new_weight, **kwargs)

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Normalise (N, H, W, C), or (N, C), per channel."""
        use_batch = bool(training and self.trainable)
        if inputs.dtype == tf.float64:
            return self._in_float64(inputs, use_batch)
        if inputs.ndim == 2:
            return self.call(inputs[:, None, None], training)[:, 0, 0]
        gamma, beta, mean, variance = (
            tf.convert_to_tensor(variable)
            for variable in (self.gamma, self.beta, self.moving_mean, self.moving_variance)
        )
        # The raw operation, since tf.nn.fused_batch_norm raises an epsilon of 1e-5 to 1.001e-5.
        outputs, batch_mean, batch_variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=inputs,
            scale=gamma,
            offset=beta,
            mean=mean[:0] if use_batch else mean,
            variance=variance[:0] if use_batch else variance,
            epsilon=self.epsilon,
            is_training=use_batch,
        )
        if use_batch:
            # The kernel returns the unbiased variance: remove its factor n / (n - 1).
            n = tf.cast(tf.reduce_prod(tf.shape(inputs)[:-1]), variance.dtype)
            self._average(self.moving_mean, mean, batch_mean)
            self._average(self.moving_variance, variance, batch_variance * ((n - 1) / n))
            return outputs
        # Prevents fusion with a ReLU, as in `relu`: in evaluation no statistic shows lost NaN.
        return tf.ensure_shape(outputs, outputs.shape)

    def _in_float64(self, inputs: tf.Tensor, use_batch: bool) -> tf.Tensor:
        """The formula itself, since the fused operation does not support float64.

        Keras's own formula uses `tf.nn.moments`, which stops the gradient of the mean inside the
        variance: the first derivative is right, the second is not.
        """
        mean, variance = (
            tf.convert_to_tensor(variable) for variable in (self.moving_mean, self.moving_variance)
        )
        if use_batch:
            axes = list(range(inputs.ndim - 1))
            batch_mean = tf.reduce_mean(inputs, axes)
            batch_variance = tf.reduce_mean((inputs - batch_mean) ** 2, axes)
            self._average(self.moving_mean, mean, batch_mean)
            self._average(self.moving_variance, variance, batch_variance)
            mean, variance = batch_mean, batch_variance
        scale = self.gamma / tf.sqrt(variance + self.epsilon)
        return (inputs - mean) * scale + self.beta

    def _average(self, variable: keras.Variable, old: tf.Tensor, new: tf.Tensor) -> None:
        variable.assign((1 - self.new_weight) * old + self.new_weight * new)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        base = keras.layers.Layer.get_config(self)
        return {**base, "epsilon": self.epsilon, "momentum": self.new_weight}


@keras.saving.register_keras_serializable(package="anynet")
def no_norm(**kwargs: Any) -> keras.layers.Layer:
    """The identity, in place of a `BatchNorm` and with its arguments."""
    return keras.layers.Identity(**kwargs)


@keras.saving.register_keras_serializable(package="anynet")
def linear(channels: int, use_bias: bool = True, **kwargs: Any) -> keras.layers.Layer:
    """A linear layer; its weights are allocated at the first call."""
    return keras.layers.Dense(channels, use_bias=use_bias, **kwargs)


def relu(x: tf.Tensor) -> tf.Tensor:
    """The positive part of `x`, which keeps NaN.

    TensorFlow 2.21 fuses a ReLU with a batch norm or bias in front of it, and the fused kernels
    turn NaN into 0. `tf.ensure_shape` in between prevents the fusion; it can go when those kernels
    keep NaN.
    """
    return tf.nn.relu(tf.ensure_shape(x, x.shape))


def conv_norm(
    conv: keras.layers.Layer, norm: keras.layers.Layer, x: tf.Tensor, training: bool | None
) -> tf.Tensor:
    """A batch norm of a convolution, or the layers in their places.

    In training the norm cancels the bias of the convolution, whose gradient is then not computed.
    """
    cancels = training and norm.trainable and type(norm) is BatchNorm
    y = conv(x, cancelled=True) if cancels and type(conv) is GroupedConv2D else conv(x)
    return norm(y, training=training)


def conv_norm_relu(
    conv: keras.layers.Layer, norm: keras.layers.Layer, x: tf.Tensor, training: bool | None
) -> tf.Tensor:
    """ReLU of a batch norm of a convolution or linear layer, or of the layers in their places.

    In training norm and ReLU are fused, which is faster and loses NaN (see `relu`). The running
    statistics still show it, and a training step checks them.
    """
    y = conv_norm(conv, norm, x, training)
    together = training and norm.trainable and isinstance(norm, BatchNorm)
    return tf.nn.relu(y) if together else relu(y)


@keras.saving.register_keras_serializable(package="anynet")
class ReLU(keras.layers.Layer):
    """ReLU; `after_norm` says that its input comes from a `BatchNorm` (see `conv_norm_relu`)."""

    def __init__(self, after_norm: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.after_norm = after_norm

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """(N, ...) to the same shape."""
        return tf.nn.relu(inputs) if training and self.after_norm else relu(inputs)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """The input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), "after_norm": self.after_norm}


@keras.saving.register_keras_serializable(package="anynet")
class SqueezeExcitation(keras.layers.Layer):
    """A gate per channel, computed from the mean of all channels (Hu et al., 2018)."""

    def __init__(self, channels: int, se_channels: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        dtype = self.dtype_policy.name
        self.fc1 = keras.layers.Dense(se_channels, name="fc1", dtype=dtype)
        self.fc2 = keras.layers.Dense(channels, name="fc2", dtype=dtype)

    def build(self, input_shape: Shape) -> None:
        """Allocate both layers."""
        self.fc1.build((None, input_shape[-1]))
        self.fc2.build((None, self.fc1.units))

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """Scale (N, H, W, C) by gates in (0, 1)."""
        gates = tf.sigmoid(self.fc2(relu(self.fc1(tf.reduce_mean(x, (1, 2))))))
        return x * gates[:, None, None]

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """The input's shape."""
        return input_shape


def sequential(layers: list[keras.layers.Layer], name: str | None, dtype: str) -> keras.Sequential:
    """Layers in order; without a `dtype` Keras would cast float64 inputs to float32."""
    chain = keras.Sequential(layers, name=name)
    chain.dtype_policy = dtype
    return chain


@contextmanager
def products(precision: str = "float32") -> Iterator[None]:
    """Context in which a GPU multiplies float32 in full precision, or in TF32 if asked for.

    `precision` is that of the learner. By default TensorFlow rounds the factors to TF32, whose
    mantissa has 10 bits. The switch is global to the process.
    """
    switch = tf.config.experimental
    before = switch.tensor_float_32_execution_enabled()
    switch.enable_tensor_float_32_execution(precision == "tf32")
    try:
        yield
    finally:
        switch.enable_tensor_float_32_execution(before)


def prepare_images(
    images: tf.Tensor, preprocessing: Preprocessing, dtype: tf.DType = tf.float32
) -> tf.Tensor:
    """Pixels as a network sees them, on their device: resized, then `(x * scale - mean) / std`.

    (N, H, W, C) uint8 to (N, *size, C) of `dtype`; the definition is `common.data.network_input`.
    Raises `DataError` for images of another type, or for those that are to be smoothed and have
    another size.
    """
    check_resized(images.shape[1:3], preprocessing)
    x = resize_images(images, preprocessing.size, dtype)
    if preprocessing.is_plain:
        return x
    mean, std = (tf.constant(values, dtype) for values in (preprocessing.mean, preprocessing.std))
    return (x * (255 * preprocessing.scale) - mean) / std


def mix_images(images: tf.Tensor, shares: tf.Tensor) -> tf.Tensor:
    """Mixup of prepared images (N, ...) by the share (N,) of each that is its own.

    The definition is `common.data.mixup.mixed`.
    """
    own = tf.reshape(shares, (-1, *(1,) * (images.shape.rank - 1)))
    return own * images + (1 - own) * tf.gather(images, partners(images.shape[0]))


def resize_images(
    images: tf.Tensor, size: tuple[int, int], dtype: tf.DType = tf.float32
) -> tf.Tensor:
    """Scale uint8 images to [0, 1] and resize them bilinearly, on their device.

    (N, H, W, C) uint8 to (N, *size, C) of `dtype`; the definition is `common.data.prepare`.
    Raises `DataError` for images of another type.
    """
    check_pixels(images.shape, images.dtype)
    height, width = images.shape[1:3]
    if (height, width) == tuple(size):
        return tf.cast(images, dtype) / 255
    # In float64, since a GPU may round factors of float32 products to TF32.
    x = tf.cast(images, tf.float64) / 255
    rows = tf.constant(resize_matrix(height, size[0]), tf.float64)
    columns = tf.constant(resize_matrix(width, size[1]), tf.float64)
    x = tf.einsum("bw,nhwc->nhbc", columns, x)
    return tf.cast(tf.einsum("ah,nhbc->nabc", rows, x), dtype)


def has_sized_layers(net: keras.Model) -> bool:
    """Whether a layer makes its output's channels of height and width, for `Dense` to follow."""
    return any(
        isinstance(layer, keras.layers.Flatten | keras.layers.Reshape) or has_sized_layers(layer)
        for layer in getattr(net, "layers", ())
    )
