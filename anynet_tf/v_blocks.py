"""The V and VR blocks, on which the RegNet paper tests its design spaces (section 3.4)."""

from typing import Any

import keras
import tensorflow as tf

from anynet_tf.blocks import Block, Factory, build_in_order, shape_after
from anynet_tf.convolution import conv
from anynet_tf.layers import BatchNorm, Shape, conv_norm, conv_norm_relu, relu
from common.arch import checked_channels, checked_stride

__all__ = ["VBlock", "VRBlock"]


@keras.saving.register_keras_serializable(package="anynet")
class VBlock(Block):
    """The V block of the RegNet paper: one 3x3 and no shortcut."""

    def __init__(
        self,
        num_channels: int,
        strides: int = 1,
        *,
        conv: Factory = conv,
        norm: Factory = BatchNorm,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.save_hyperparameters(ignore=["kwargs"])
        checked_channels(num_channels)
        strides, dtype = checked_stride("strides", strides), self.dtype_policy.name
        self.conv1 = conv(num_channels, 3, strides, name="conv1", dtype=dtype)
        self.bn1 = norm(name="bn1", dtype=dtype)

    def build(self, input_shape: Shape) -> None:
        """Allocate all layers for images of `input_shape`."""
        build_in_order((self.conv1, self.bn1), input_shape)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(N, H / strides, W / strides, num_channels), rounded up; Keras would trace a call."""
        return shape_after((self.conv1,), input_shape)

    def call(self, x: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """(N, H, W, C) to (N, H / strides, W / strides, num_channels), rounded up."""
        return conv_norm_relu(self.conv1, self.bn1, x, training)


@keras.saving.register_keras_serializable(package="anynet")
class VRBlock(Block):
    """The VR block of the RegNet paper: one 3x3 and a shortcut."""

    def __init__(
        self,
        num_channels: int,
        use_1x1conv: bool = False,
        strides: int = 1,
        *,
        conv: Factory = conv,
        norm: Factory = BatchNorm,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.save_hyperparameters(ignore=["kwargs"])
        checked_channels(num_channels)
        strides, dtype = checked_stride("strides", strides), self.dtype_policy.name
        self.conv1 = conv(num_channels, 3, strides, name="conv1", dtype=dtype)
        self.bn1 = norm(name="bn1", dtype=dtype)
        self.conv4: Any = None
        self.bn4: Any = None
        if use_1x1conv:
            self.conv4 = conv(num_channels, 1, strides, name="conv4", dtype=dtype)
            self.bn4 = norm(name="bn4", dtype=dtype)

    def build(self, input_shape: Shape) -> None:
        """Allocate all layers for images of `input_shape`."""
        build_in_order((self.conv1, self.bn1), input_shape)
        build_in_order((self.conv4, self.bn4), input_shape)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(N, H / strides, W / strides, num_channels), rounded up; Keras would trace a call."""
        return shape_after((self.conv1,), input_shape)

    def call(self, x: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """(N, H, W, C) to (N, H / strides, W / strides, num_channels), rounded up."""
        y = conv_norm(self.conv1, self.bn1, x, training)
        if self.conv4 is not None:
            x = conv_norm(self.conv4, self.bn4, x, training)
        return relu(y + x)
