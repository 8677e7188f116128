"""The blocks that stages are made of; layer names are the chapter's (section 8.6.5).

`conv`, `linear` and `norm` make a block's layers; they are called as the defaults are. `AnyNet`
passes those of `layer_factories`, which hold the constants of its spec.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Self

import keras
import tensorflow as tf

from anynet_tf.convolution import conv
from anynet_tf.layers import (
    BatchNorm,
    Shape,
    SqueezeExcitation,
    conv_norm,
    conv_norm_relu,
    linear,
    no_norm,
    relu,
)
from common.arch import AnyNetSpec, bottleneck, checked_channels, checked_stride
from common.chapter import HyperParameters
from common.errors import BackendError, shown

__all__ = ["MLPBlock", "ResNeXtBlock", "ResNetBlock", "VanillaBlock", "layer_factories"]

Factory = Callable[..., keras.layers.Layer]
_FACTORIES = ("conv", "linear", "norm")


def layer_factories(spec: AnyNetSpec) -> dict[str, Any]:
    """What the blocks of a network make their layers by, with the constants of `spec`."""
    norm: Factory = no_norm
    if spec.batch_norm:
        norm = partial(BatchNorm, epsilon=spec.bn_epsilon, momentum=spec.bn_momentum)
    if spec.block == "mlp":
        return {"linear": partial(linear, use_bias=spec.conv_bias), "norm": norm}
    return {"conv": partial(conv, use_bias=spec.conv_bias), "norm": norm}


class Block(HyperParameters, keras.layers.Layer):
    """A layer whose config is its constructor's arguments, with which Keras saves and copies it."""

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments; a factory as its registered name and keywords."""
        own = {n: _to_config(v) if n in _FACTORIES else v for n, v in self.hparams.items()}
        return {**super().get_config(), **own}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The block that has this config. Raises `BackendError` for an unregistered factory."""
        own = {n: _from_config(n, v) if n in _FACTORIES else v for n, v in config.items()}
        return super().from_config(own)


def _to_config(factory: Factory) -> dict[str, Any]:
    made_by, keywords = factory, {}
    if isinstance(factory, partial):
        made_by, keywords = factory.func, factory.keywords
    return {"made_by": keras.saving.get_registered_name(made_by), **keywords}


def _from_config(where: str, config: dict[str, Any]) -> Factory:
    keywords = dict(config)
    name = keywords.pop("made_by")
    made_by = keras.saving.get_registered_object(name)
    if made_by is None:
        raise BackendError(
            f"{where}: must be registered with Keras for a block to be loaded or copied; got "
            f"{shown(name)}; decorate it with keras.saving.register_keras_serializable"
        )
    return partial(made_by, **keywords)


@keras.saving.register_keras_serializable(package="anynet")
class ResNeXtBlock(Block):
    """The ResNeXt block: 1x1, 3x3 in groups, 1x1, and a shortcut.

    - `num_channels`: output channels
    - `group_width`: channels per group of the 3x3 convolution; `None` means one group
    - `bottleneck_multiplier`: channels of the 3x3 convolution as a multiple of `num_channels`
    - `use_1x1conv`: project the shortcut by a 1x1 convolution
    - `strides`: of the 3x3 convolution, 1 or 2
    - `se_channels`: hidden width of squeeze-and-excitation; 0 means none
    - `kwargs`: those of every Keras layer, such as `name` and `dtype`

    Raises `SpecError`.
    """

    def __init__(
        self,
        num_channels: int,
        group_width: int | None,
        bottleneck_multiplier: float,
        use_1x1conv: bool = False,
        strides: int = 1,
        *,
        se_channels: int = 0,
        conv: Factory = conv,
        norm: Factory = BatchNorm,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.save_hyperparameters(ignore=["kwargs"])
        strides = checked_stride("strides", strides)
        middle, groups = bottleneck(num_channels, group_width, bottleneck_multiplier)
        dtype = self.dtype_policy.name
        self.conv1 = conv(middle, 1, name="conv1", dtype=dtype)
        self.bn1 = norm(name="bn1", dtype=dtype)
        self.conv2 = conv(middle, 3, strides, groups, name="conv2", dtype=dtype)
        self.bn2 = norm(name="bn2", dtype=dtype)
        self.se = (
            SqueezeExcitation(middle, se_channels, name="se", dtype=dtype) if se_channels else None
        )
        self.conv3 = conv(num_channels, 1, name="conv3", dtype=dtype)
        self.bn3 = norm(name="bn3", dtype=dtype)
        self.conv4: Any = None
        self.bn4: Any = None
        if use_1x1conv:
            self.conv4 = conv(num_channels, 1, strides, name="conv4", dtype=dtype)
            self.bn4 = norm(name="bn4", dtype=dtype)

    def build(self, input_shape: Shape) -> None:
        """Allocate all layers for images of `input_shape`."""
        residual = (self.conv1, self.bn1, self.conv2, self.bn2, self.se, self.conv3, self.bn3)
        build_in_order(residual, input_shape)
        build_in_order((self.conv4, self.bn4), input_shape)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(N, H / strides, W / strides, num_channels), rounded up; Keras would trace a call."""
        return shape_after((self.conv1, self.conv2, self.conv3), input_shape)

    def call(self, x: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """(N, H, W, C) to (N, H / strides, W / strides, num_channels), rounded up."""
        y = conv_norm_relu(self.conv1, self.bn1, x, training)
        y = conv_norm_relu(self.conv2, self.bn2, y, training)
        if self.se is not None:
            y = self.se(y)
        y = conv_norm(self.conv3, self.bn3, y, training)
        if self.conv4 is not None:
            x = conv_norm(self.conv4, self.bn4, x, training)
        return relu(y + x)


@keras.saving.register_keras_serializable(package="anynet")
class ResNetBlock(Block):
    """The ResNet basic block: two 3x3 and a shortcut (chapter exercise 2)."""

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
        self.conv2 = conv(num_channels, 3, name="conv2", dtype=dtype)
        self.bn2 = norm(name="bn2", dtype=dtype)
        self.conv4: Any = None
        self.bn4: Any = None
        if use_1x1conv:
            self.conv4 = conv(num_channels, 1, strides, name="conv4", dtype=dtype)
            self.bn4 = norm(name="bn4", dtype=dtype)

    def build(self, input_shape: Shape) -> None:
        """Allocate all layers for images of `input_shape`."""
        build_in_order((self.conv1, self.bn1, self.conv2, self.bn2), input_shape)
        build_in_order((self.conv4, self.bn4), input_shape)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(N, H / strides, W / strides, num_channels), rounded up; Keras would trace a call."""
        return shape_after((self.conv1, self.conv2), input_shape)

    def call(self, x: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """(N, H, W, C) to (N, H / strides, W / strides, num_channels), rounded up."""
        y = conv_norm_relu(self.conv1, self.bn1, x, training)
        y = conv_norm(self.conv2, self.bn2, y, training)
        if self.conv4 is not None:
            x = conv_norm(self.conv4, self.bn4, x, training)
        return relu(y + x)


@keras.saving.register_keras_serializable(package="anynet")
class VanillaBlock(Block):
    """The vanilla block of pycls: two 3x3 and no shortcut."""

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
        self.conv2 = conv(num_channels, 3, name="conv2", dtype=dtype)
        self.bn2 = norm(name="bn2", dtype=dtype)

    def build(self, input_shape: Shape) -> None:
        """Allocate all layers for images of `input_shape`."""
        build_in_order((self.conv1, self.bn1, self.conv2, self.bn2), input_shape)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(N, H / strides, W / strides, num_channels), rounded up; Keras would trace a call."""
        return shape_after((self.conv1, self.conv2), input_shape)

    def call(self, x: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """(N, H, W, C) to (N, H / strides, W / strides, num_channels), rounded up."""
        y = conv_norm_relu(self.conv1, self.bn1, x, training)
        return conv_norm_relu(self.conv2, self.bn2, y, training)


@keras.saving.register_keras_serializable(package="anynet")
class MLPBlock(Block):
    """The block of an MLP: a linear layer, batch norm and ReLU."""

    def __init__(
        self,
        num_channels: int,
        *,
        linear: Factory = linear,
        norm: Factory = BatchNorm,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        checked_channels(num_channels)
        self.save_hyperparameters(ignore=["kwargs"])
        dtype = self.dtype_policy.name
        self.fc1 = linear(num_channels, name="fc1", dtype=dtype)
        self.bn1 = norm(name="bn1", dtype=dtype)

    def build(self, input_shape: Shape) -> None:
        """Allocate both layers for vectors of `input_shape`."""
        build_in_order((self.fc1, self.bn1), input_shape)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(N, num_channels); Keras would trace a call."""
        return shape_after((self.fc1,), input_shape)

    def call(self, x: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """(N, C) to (N, num_channels)."""
        return conv_norm_relu(self.fc1, self.bn1, x, training)


def build_in_order(layers: tuple[keras.layers.Layer | None, ...], shape: Shape) -> None:
    """Allocate the layers that are there, each for the shape that the one before gives."""
    for layer in layers:
        if layer is not None:
            layer.build(shape)
            shape = layer.compute_output_shape(shape)


def shape_after(layers: tuple[keras.layers.Layer, ...], shape: Shape) -> Shape:
    """The shape that the layers, one after another, give."""
    for layer in layers:
        shape = layer.compute_output_shape(shape)
    return shape
