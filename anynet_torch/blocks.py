"""The blocks that stages are made of; layer names are the chapter's (section 8.6.5)."""

from typing import Any

from torch import Tensor, nn

from anynet_torch.convolution import conv
from anynet_torch.layers import SqueezeExcitation, conv_norm_relu, linear, norm
from common.arch import BN_EPSILON, BN_MOMENTUM, StageSpec

__all__ = ["MLPBlock", "ResNeXtBlock", "ResNetBlock", "VanillaBlock"]


class ResNeXtBlock(nn.Module):
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
        in_channels: int | None = None,
    ) -> None:
        super().__init__()
        stage = StageSpec(1, num_channels, group_width, bottleneck_multiplier, strides)
        middle = stage.bottleneck_channels
        self.conv1 = conv(middle, 1, 1, 1, conv_bias, in_channels)
        self.bn1 = norm(middle, bn_epsilon, bn_momentum, batch_norm)
        self.conv2 = conv(middle, 3, strides, stage.groups, conv_bias, middle)
        self.bn2 = norm(middle, bn_epsilon, bn_momentum, batch_norm)
        self.se = SqueezeExcitation(middle, se_channels) if se_channels else None
        self.conv3 = conv(num_channels, 1, 1, 1, conv_bias, middle)
        self.bn3 = norm(num_channels, bn_epsilon, bn_momentum, batch_norm)
        self.conv4: Any = None
        self.bn4: Any = None
        if use_1x1conv:
            self.conv4 = conv(num_channels, 1, strides, 1, conv_bias, in_channels)
            self.bn4 = norm(num_channels, bn_epsilon, bn_momentum, batch_norm)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, num_channels, H / strides, W / strides), rounded up."""
        y = conv_norm_relu(self.conv1, self.bn1, x)
        y = conv_norm_relu(self.conv2, self.bn2, y)
        if self.se is not None:
            y = self.se(y)
        if self.conv4 is not None:
            x = conv_norm_relu(self.conv4, self.bn4, x, relu=False)
        return conv_norm_relu(self.conv3, self.bn3, y, shortcut=x)


class ResNetBlock(nn.Module):
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
        in_channels: int | None = None,
    ) -> None:
        super().__init__()
        self.conv1 = conv(num_channels, 3, strides, 1, conv_bias, in_channels)
        self.bn1 = norm(num_channels, bn_epsilon, bn_momentum, batch_norm)
        self.conv2 = conv(num_channels, 3, 1, 1, conv_bias, num_channels)
        self.bn2 = norm(num_channels, bn_epsilon, bn_momentum, batch_norm)
        self.conv4: Any = None
        self.bn4: Any = None
        if use_1x1conv:
            self.conv4 = conv(num_channels, 1, strides, 1, conv_bias, in_channels)
            self.bn4 = norm(num_channels, bn_epsilon, bn_momentum, batch_norm)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, num_channels, H / strides, W / strides), rounded up."""
        y = conv_norm_relu(self.conv1, self.bn1, x)
        if self.conv4 is not None:
            x = conv_norm_relu(self.conv4, self.bn4, x, relu=False)
        return conv_norm_relu(self.conv2, self.bn2, y, shortcut=x)


class VanillaBlock(nn.Module):
    """The vanilla block of pycls: two 3x3 and no shortcut."""

    def __init__(
        self,
        num_channels: int,
        strides: int = 1,
        conv_bias: bool = True,
        bn_epsilon: float = BN_EPSILON,
        bn_momentum: float = BN_MOMENTUM,
        batch_norm: bool = True,
        in_channels: int | None = None,
    ) -> None:
        super().__init__()
        self.conv1 = conv(num_channels, 3, strides, 1, conv_bias, in_channels)
        self.bn1 = norm(num_channels, bn_epsilon, bn_momentum, batch_norm)
        self.conv2 = conv(num_channels, 3, 1, 1, conv_bias, num_channels)
        self.bn2 = norm(num_channels, bn_epsilon, bn_momentum, batch_norm)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, num_channels, H / strides, W / strides), rounded up."""
        y = conv_norm_relu(self.conv1, self.bn1, x)
        return conv_norm_relu(self.conv2, self.bn2, y)


class MLPBlock(nn.Module):
    """The block of an MLP: a linear layer, batch norm and ReLU."""

    def __init__(
        self,
        num_channels: int,
        conv_bias: bool = True,
        bn_epsilon: float = BN_EPSILON,
        bn_momentum: float = BN_MOMENTUM,
        batch_norm: bool = True,
        in_channels: int | None = None,
    ) -> None:
        super().__init__()
        self.fc1 = linear(num_channels, conv_bias, in_channels)
        self.bn1 = norm(num_channels, bn_epsilon, bn_momentum, batch_norm)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C) to (N, num_channels)."""
        return conv_norm_relu(self.fc1, self.bn1, x)
