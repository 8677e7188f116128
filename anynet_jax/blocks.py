"""The blocks that stages are made of; layer names are the chapter's (section 8.6.5)."""

from functools import partial

import flax.linen as nn
from jax import Array

from anynet_jax.convolution import Conv
from anynet_jax.layers import SqueezeExcitation, materialize, norm, relu, remat
from common.arch import BN_EPSILON, BN_MOMENTUM, StageSpec

__all__ = ["MLPBlock", "ResNeXtBlock", "ResNetBlock", "VanillaBlock"]


class ResNeXtBlock(nn.Module):
    """The ResNeXt block: 1x1, 3x3 in groups, 1x1, and a shortcut.

    `group_width` channels share a group; `bottleneck_multiplier` times `num_channels` is the
    width in the middle. `use_1x1conv` projects the shortcut; `strides` may be a pair of equal
    numbers, as in the chapter. Raises `SpecError`.
    """

    num_channels: int
    group_width: int | None
    bottleneck_multiplier: float
    use_1x1conv: bool = False
    strides: int | tuple[int, int] = 1
    se_channels: int = 0
    conv_bias: bool = True
    bn_epsilon: float = BN_EPSILON
    bn_momentum: float = BN_MOMENTUM
    batch_norm: bool = True
    training: bool = True

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """(N, H, W, C) to (N, H / strides, W / strides, num_channels), rounded up."""
        strides = self.strides if isinstance(self.strides, int) else self.strides[0]
        stage = StageSpec(
            1, self.num_channels, self.group_width, self.bottleneck_multiplier, strides
        )
        middle, bias = stage.bottleneck_channels, self.conv_bias
        bn = partial(norm, self.bn_epsilon, self.bn_momentum, self.training, self.batch_norm)

        def conv2(y: Array) -> Array:
            y = relu(bn(name="bn1")(y))
            return Conv(middle, 3, strides, stage.groups, bias, name="conv2")(y)

        def conv3(y: Array) -> Array:
            y = relu(bn(name="bn2")(y))
            if self.se_channels:
                y = SqueezeExcitation(self.se_channels, name="se")(y)
            return Conv(self.num_channels, 1, use_bias=bias, name="conv3")(y)

        y = Conv(middle, 1, use_bias=bias, name="conv1")(x)
        y = remat(conv2, self, y)
        y = remat(conv3, self, y)
        y = bn(name="bn3")(y)
        if self.use_1x1conv:
            x = Conv(self.num_channels, 1, strides, use_bias=bias, name="conv4")(x)
            x = bn(name="bn4")(x)
        return materialize(relu(y + x))


class ResNetBlock(nn.Module):
    """The ResNet basic block: two 3x3 and a shortcut (chapter exercise 2)."""

    num_channels: int
    use_1x1conv: bool = False
    strides: int = 1
    conv_bias: bool = True
    bn_epsilon: float = BN_EPSILON
    bn_momentum: float = BN_MOMENTUM
    batch_norm: bool = True
    training: bool = True

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """(N, H, W, C) to (N, H / strides, W / strides, num_channels), rounded up."""
        channels, bias = self.num_channels, self.conv_bias
        bn = partial(norm, self.bn_epsilon, self.bn_momentum, self.training, self.batch_norm)

        def conv2(y: Array) -> Array:
            y = relu(bn(name="bn1")(y))
            return Conv(channels, 3, use_bias=bias, name="conv2")(y)

        y = Conv(channels, 3, self.strides, use_bias=bias, name="conv1")(x)
        y = remat(conv2, self, y)
        y = bn(name="bn2")(y)
        if self.use_1x1conv:
            x = Conv(channels, 1, self.strides, use_bias=bias, name="conv4")(x)
            x = bn(name="bn4")(x)
        return materialize(relu(y + x))


class VanillaBlock(nn.Module):
    """The vanilla block of pycls: two 3x3 and no shortcut."""

    num_channels: int
    strides: int = 1
    conv_bias: bool = True
    bn_epsilon: float = BN_EPSILON
    bn_momentum: float = BN_MOMENTUM
    batch_norm: bool = True
    training: bool = True

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """(N, H, W, C) to (N, H / strides, W / strides, num_channels), rounded up."""
        channels, bias = self.num_channels, self.conv_bias
        bn = partial(norm, self.bn_epsilon, self.bn_momentum, self.training, self.batch_norm)

        def conv2(y: Array) -> Array:
            y = relu(bn(name="bn1")(y))
            return Conv(channels, 3, use_bias=bias, name="conv2")(y)

        y = Conv(channels, 3, self.strides, use_bias=bias, name="conv1")(x)
        y = remat(conv2, self, y)
        return relu(bn(name="bn2")(y))


class MLPBlock(nn.Module):
    """The block of an MLP: a linear layer, batch norm and ReLU."""

    num_channels: int
    conv_bias: bool = True
    bn_epsilon: float = BN_EPSILON
    bn_momentum: float = BN_MOMENTUM
    batch_norm: bool = True
    training: bool = True

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """(N, C) to (N, num_channels)."""
        bn = partial(norm, self.bn_epsilon, self.bn_momentum, self.training, self.batch_norm)
        y = nn.Dense(self.num_channels, use_bias=self.conv_bias, name="fc1")(x)
        return relu(bn(name="bn1")(y))
