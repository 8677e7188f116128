"""The blocks that stages are made of; layer names are the chapter's (section 8.6.5)."""

from typing import Any

import keras
import tensorflow as tf

from anynet_tf.convolution import conv
from anynet_tf.layers import Shape, SqueezeExcitation, norm, norm_relu, relu
from common.arch import BN_EPSILON, BN_MOMENTUM, StageSpec

__all__ = ["MLPBlock", "ResNeXtBlock", "ResNetBlock", "VanillaBlock"]


@keras.saving.register_keras_serializable(package="anynet")
class ResNeXtBlock(keras.layers.Layer):
    """The ResNeXt block: 1x1, 3x3 in groups, 1x1, and a shortcut.

    `group_width` channels share a group; `bottleneck_multiplier` times `num_channels` is the
    width in the middle. `use_1x1conv` projects the shortcut. Raises `SpecError`.
    """

    def __init__(
        self,
        num_channels: int,
        group_width: int | None,
        bottleneck_multiplier: float,
        use_1x1conv: bool = False,
        strides: int = 1,
        se_channels: int = 0,
        conv_bias: bool = True,
        bn_epsilon: float = BN_EPSILON,
        bn_momentum: float = BN_MOMENTUM,
        batch_norm: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        stage = StageSpec(1, num_channels, group_width, bottleneck_multiplier, strides)
        middle, dtype = stage.bottleneck_channels, self.dtype_policy.name
        self.conv1 = conv(middle, 1, 1, 1, conv_bias, name="conv1", dtype=dtype)
        self.bn1 = norm(bn_epsilon, bn_momentum, batch_norm, name="bn1", dtype=dtype)
        self.conv2 = conv(middle, 3, strides, stage.groups, conv_bias, name="conv2", dtype=dtype)
        self.bn2 = norm(bn_epsilon, bn_momentum, batch_norm, name="bn2", dtype=dtype)
        self.se = (
            SqueezeExcitation(middle, se_channels, name="se", dtype=dtype) if se_channels else None
        )
        self.conv3 = conv(num_channels, 1, 1, 1, conv_bias, name="conv3", dtype=dtype)
        self.bn3 = norm(bn_epsilon, bn_momentum, batch_norm, name="bn3", dtype=dtype)
        self.conv4: Any = None
        self.bn4: Any = None
        if use_1x1conv:
            self.conv4 = conv(num_channels, 1, strides, 1, conv_bias, name="conv4", dtype=dtype)
            self.bn4 = norm(bn_epsilon, bn_momentum, batch_norm, name="bn4", dtype=dtype)

    def build(self, input_shape: Shape) -> None:
        """Allocate all layers for images of `input_shape`."""
        residual = (self.conv1, self.bn1, self.conv2, self.bn2, self.se, self.conv3, self.bn3)
        _build(residual, input_shape)
        _build((self.conv4, self.bn4), input_shape)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(N, H / strides, W / strides, num_channels), rounded up; Keras would trace a call."""
        return _shape_after((self.conv1, self.conv2, self.conv3), input_shape)

    def call(self, x: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """(N, H, W, C) to (N, H / strides, W / strides, num_channels), rounded up."""
        y = norm_relu(self.bn1, self.conv1(x), training)
        y = norm_relu(self.bn2, self.conv2(y), training)
        if self.se is not None:
            y = self.se(y)
        y = self.bn3(self.conv3(y), training=training)
        if self.conv4 is not None:
            x = self.bn4(self.conv4(x), training=training)
        return relu(y + x)


@keras.saving.register_keras_serializable(package="anynet")
class ResNetBlock(keras.layers.Layer):
    """The ResNet basic block: two 3x3 and a shortcut (chapter exercise 2)."""

    def __init__(
        self,
        num_channels: int,
        use_1x1conv: bool = False,
        strides: int = 1,
        conv_bias: bool = True,
        bn_epsilon: float = BN_EPSILON,
        bn_momentum: float = BN_MOMENTUM,
        batch_norm: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        dtype = self.dtype_policy.name
        self.conv1 = conv(num_channels, 3, strides, 1, conv_bias, name="conv1", dtype=dtype)
        self.bn1 = norm(bn_epsilon, bn_momentum, batch_norm, name="bn1", dtype=dtype)
        self.conv2 = conv(num_channels, 3, 1, 1, conv_bias, name="conv2", dtype=dtype)
        self.bn2 = norm(bn_epsilon, bn_momentum, batch_norm, name="bn2", dtype=dtype)
        self.conv4: Any = None
        self.bn4: Any = None
        if use_1x1conv:
            self.conv4 = conv(num_channels, 1, strides, 1, conv_bias, name="conv4", dtype=dtype)
            self.bn4 = norm(bn_epsilon, bn_momentum, batch_norm, name="bn4", dtype=dtype)

    def build(self, input_shape: Shape) -> None:
        """Allocate all layers for images of `input_shape`."""
        _build((self.conv1, self.bn1, self.conv2, self.bn2), input_shape)
        _build((self.conv4, self.bn4), input_shape)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(N, H / strides, W / strides, num_channels), rounded up; Keras would trace a call."""
        return _shape_after((self.conv1, self.conv2), input_shape)

    def call(self, x: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """(N, H, W, C) to (N, H / strides, W / strides, num_channels), rounded up."""
        y = norm_relu(self.bn1, self.conv1(x), training)
        y = self.bn2(self.conv2(y), training=training)
        if self.conv4 is not None:
            x = self.bn4(self.conv4(x), training=training)
        return relu(y + x)


@keras.saving.register_keras_serializable(package="anynet")
class VanillaBlock(keras.layers.Layer):
    """The vanilla block of pycls: two 3x3 and no shortcut."""

    def __init__(
        self,
        num_channels: int,
        strides: int = 1,
        conv_bias: bool = True,
        bn_epsilon: float = BN_EPSILON,
        bn_momentum: float = BN_MOMENTUM,
        batch_norm: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        dtype = self.dtype_policy.name
        self.conv1 = conv(num_channels, 3, strides, 1, conv_bias, name="conv1", dtype=dtype)
        self.bn1 = norm(bn_epsilon, bn_momentum, batch_norm, name="bn1", dtype=dtype)
        self.conv2 = conv(num_channels, 3, 1, 1, conv_bias, name="conv2", dtype=dtype)
        self.bn2 = norm(bn_epsilon, bn_momentum, batch_norm, name="bn2", dtype=dtype)

    def build(self, input_shape: Shape) -> None:
        """Allocate all layers for images of `input_shape`."""
        _build((self.conv1, self.bn1, self.conv2, self.bn2), input_shape)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(N, H / strides, W / strides, num_channels), rounded up; Keras would trace a call."""
        return _shape_after((self.conv1, self.conv2), input_shape)

    def call(self, x: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """(N, H, W, C) to (N, H / strides, W / strides, num_channels), rounded up."""
        y = norm_relu(self.bn1, self.conv1(x), training)
        return norm_relu(self.bn2, self.conv2(y), training)


@keras.saving.register_keras_serializable(package="anynet")
class MLPBlock(keras.layers.Layer):
    """The block of an MLP: a linear layer, batch norm and ReLU."""

    def __init__(
        self,
        num_channels: int,
        conv_bias: bool = True,
        bn_epsilon: float = BN_EPSILON,
        bn_momentum: float = BN_MOMENTUM,
        batch_norm: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        dtype = self.dtype_policy.name
        self.fc1 = keras.layers.Dense(num_channels, use_bias=conv_bias, name="fc1", dtype=dtype)
        self.bn1 = norm(bn_epsilon, bn_momentum, batch_norm, name="bn1", dtype=dtype)

    def build(self, input_shape: Shape) -> None:
        """Allocate both layers for vectors of `input_shape`."""
        _build((self.fc1, self.bn1), input_shape)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(N, num_channels); Keras would trace a call."""
        return _shape_after((self.fc1,), input_shape)

    def call(self, x: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """(N, C) to (N, num_channels)."""
        return norm_relu(self.bn1, self.fc1(x), training)


def _build(layers: tuple[keras.layers.Layer | None, ...], shape: Shape) -> None:
    """Allocate the layers that are there, each for the shape that the one before gives."""
    for layer in layers:
        if layer is not None:
            layer.build(shape)
            shape = layer.compute_output_shape(shape)


def _shape_after(layers: tuple[keras.layers.Layer, ...], shape: Shape) -> Shape:
    for layer in layers:
        shape = layer.compute_output_shape(shape)
    return shape
