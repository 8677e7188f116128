"""The V and VR blocks, on which the RegNet paper tests its design spaces (section 3.4)."""

from functools import partial

import flax.linen as nn
from jax import Array

from anynet_jax.blocks import Factory
from anynet_jax.convolution import Conv
from anynet_jax.layers import BatchNorm, materialize, relu
from common.arch import checked_channels, checked_stride

__all__ = ["VBlock", "VRBlock"]


class VBlock(nn.Module):
    """The V block of the RegNet paper: one 3x3 and no shortcut."""

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
        y = self.conv(channels, 3, strides, name="conv1")(x)
        return relu(self.norm(training=self.training, name="bn1")(y))


class VRBlock(nn.Module):
    """The VR block of the RegNet paper: one 3x3 and a shortcut."""

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
        y = conv(channels, 3, strides, name="conv1")(x)
        y = bn(name="bn1")(y)
        if self.use_1x1conv:
            x = conv(channels, 1, strides, name="conv4")(x)
            x = bn(name="bn4")(x)
        return materialize(relu(y + x))
