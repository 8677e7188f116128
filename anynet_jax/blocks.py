"""The blocks that stages are made of; layer names are the chapter's (section 8.6.5).

`conv`, `linear` and `norm` make a block's layers; they are called as the defaults are. `AnyNet`
passes those of `layer_factories`, which hold the constants of its spec.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import flax.linen as nn
from jax import Array

from anynet_jax.convolution import Conv
from anynet_jax.layers import BatchNorm, SqueezeExcitation, materialize, no_norm, relu, remat
from common.arch import AnyNetSpec, bottleneck, checked_channels, checked_stride

__all__ = ["MLPBlock", "ResNeXtBlock", "ResNetBlock", "VanillaBlock", "layer_factories"]

Factory = Callable[..., Callable[[Array], Array]]


def layer_factories(spec: AnyNetSpec, training: bool = False) -> dict[str, Any]:
    """What the blocks of a network make their layers by, with the constants of `spec`.

    `training` says whether batch norms normalise by the statistics of the batch.
    """
    norm: Factory = no_norm
    if spec.batch_norm:
        norm = partial(BatchNorm, epsilon=spec.bn_epsilon, momentum=spec.bn_momentum)
    if spec.block == "mlp":
        return {"linear": partial(nn.Dense, use_bias=spec.conv_bias), "norm": norm}
    cancelled = spec.batch_norm and training
    return {"conv": partial(Conv, use_bias=spec.conv_bias, cancelled=cancelled), "norm": norm}


class ResNeXtBlock(nn.Module):
    """The ResNeXt block: 1x1, 3x3 in groups, 1x1, and a shortcut.

    - `num_channels`: output channels
    - `group_width`: channels per group of the 3x3 convolution; `None` means one group
    - `bottleneck_multiplier`: channels of the 3x3 convolution as a multiple of `num_channels`
    - `use_1x1conv`: project the shortcut by a 1x1 convolution
    - `strides`: of the 3x3 convolution, 1 or 2, or a pair of equal numbers as in the chapter
    - `se_channels`: hidden width of squeeze-and-excitation; 0 means none
    - `training`: normalise by the statistics of the batch

    Raises `SpecError` at the first call.
    """

    num_channels: int
    group_width: int | None
    bottleneck_multiplier: float
    use_1x1conv: bool = False
    strides: int | tuple[int, int] = 1
    se_channels: int = 0
    conv: Factory = Conv
    norm: Factory = BatchNorm
    training: bool = True

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """(N, H, W, C) to (N, H / strides, W / strides, num_channels), rounded up."""
        given = self.strides[0] if isinstance(self.strides, tuple) else self.strides
        strides = checked_stride("strides", given)
        middle, groups = bottleneck(self.num_channels, self.group_width, self.bottleneck_multiplier)
        conv, bn = self.conv, partial(self.norm, training=self.training)

        def conv2(y: Array) -> Array:
            y = relu(bn(name="bn1")(y))
            return conv(middle, 3, strides, groups, name="conv2")(y)

        def conv3(y: Array) -> Array:
            y = relu(bn(name="bn2")(y))
            if self.se_channels:
                y = SqueezeExcitation(self.se_channels, name="se")(y)
            return conv(self.num_channels, 1, name="conv3")(y)

        y = conv(middle, 1, name="conv1")(x)
        y = remat(conv2, self, y)
        y = remat(conv3, self, y)
        y = bn(name="bn3")(y)
        if self.use_1x1conv:
            x = conv(self.num_channels, 1, strides, name="conv4")(x)
            x = bn(name="bn4")(x)
        return materialize(relu(y + x))


class ResNetBlock(nn.Module):
    """The ResNet basic block: two 3x3 and a shortcut (chapter exercise 2)."""

    num_channels: int
    use_1x1conv: bool = False
    strides: int = 1
    conv: Factory = Conv
    norm: Factory = BatchNorm
    training: bool = True

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """(N, H, W, C) to (N, H / strides, W / strides, num_channels), rounded up."""
        channels = checked_channels(self.num_channels)
        strides = checked_stride("strides", self.strides)
        conv, bn = self.conv, partial(self.norm, training=self.training)

        def conv2(y: Array) -> Array:
            y = relu(bn(name="bn1")(y))
            return conv(channels, 3, name="conv2")(y)

        y = conv(channels, 3, strides, name="conv1")(x)
        y = remat(conv2, self, y)
        y = bn(name="bn2")(y)
        if self.use_1x1conv:
            x = conv(channels, 1, strides, name="conv4")(x)
            x = bn(name="bn4")(x)
        return materialize(relu(y + x))


class VanillaBlock(nn.Module):
    """The vanilla block of pycls: two 3x3 and no shortcut."""

    num_channels: int
    strides: int = 1
    conv: Factory = Conv
    norm: Factory = BatchNorm
    training: bool = True

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """(N, H, W, C) to (N, H / strides, W / strides, num_channels), rounded up."""
        channels = checked_channels(self.num_channels)
        strides = checked_stride("strides", self.strides)
        conv, bn = self.conv, partial(self.norm, training=self.training)

        def conv2(y: Array) -> Array:
            y = relu(bn(name="bn1")(y))
            return conv(channels, 3, name="conv2")(y)

        y = conv(channels, 3, strides, name="conv1")(x)
        y = remat(conv2, self, y)
        return relu(bn(name="bn2")(y))


class MLPBlock(nn.Module):
    """The block of an MLP: a linear layer, batch norm and ReLU."""

    num_channels: int
    linear: Factory = nn.Dense
    norm: Factory = BatchNorm
    training: bool = True

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """(N, C) to (N, num_channels)."""
        y = self.linear(checked_channels(self.num_channels), name="fc1")(x)
        return relu(self.norm(training=self.training, name="bn1")(y))
