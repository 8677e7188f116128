"""The blocks that stages are made of; layer names are the chapter's (section 8.6.5)."""

from typing import Any

from mxnet.gluon import HybridBlock

from anynet_mx.convolution import conv, joined_width, plain
from anynet_mx.layers import SqueezeExcitation, add, layout_barriers, linear, norm, norm_relu, relu
from common.arch import BN_EPSILON, BN_MOMENTUM, StageSpec

__all__ = ["MLPBlock", "ResNeXtBlock", "ResNetBlock", "VanillaBlock"]


class ResNeXtBlock(HybridBlock):
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
        self.relu = norm_relu if batch_norm else relu
        stage = StageSpec(1, num_channels, group_width, bottleneck_multiplier, strides)
        middle = stage.bottleneck_channels
        width = joined_width(middle, stage.groups)
        self.input_barrier, self.layout_barrier = layout_barriers(
            batch_norm, in_channels, num_channels, strides, middle, width
        )
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

    def hybrid_forward(self, F: Any, x: Any) -> Any:  # noqa: N803
        """(N, C, H, W) to (N, num_channels, H / strides, W / strides), rounded up."""
        x = self.input_barrier(F, x)
        y = self.relu(F, self.layout_barrier(F, self.bn1(self.conv1(x))))
        # The gates take a plain layout.
        barrier = self.layout_barrier if self.se is None else plain
        y = self.relu(F, barrier(F, self.bn2(self.conv2(y))))
        if self.se is not None:
            y = self.se(y)
        y = self.bn3(self.conv3(y))
        if self.conv4 is not None:
            x = self.bn4(self.conv4(x))
        return self.relu(F, self.layout_barrier(F, add(F, y, x)))


class ResNetBlock(HybridBlock):
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
        self.relu = norm_relu if batch_norm else relu
        self.input_barrier, self.layout_barrier = layout_barriers(
            batch_norm, in_channels, num_channels, strides
        )
        self.conv1 = conv(num_channels, 3, strides, 1, conv_bias, in_channels)
        self.bn1 = norm(num_channels, bn_epsilon, bn_momentum, batch_norm)
        self.conv2 = conv(num_channels, 3, 1, 1, conv_bias, num_channels)
        self.bn2 = norm(num_channels, bn_epsilon, bn_momentum, batch_norm)
        self.conv4: Any = None
        self.bn4: Any = None
        if use_1x1conv:
            self.conv4 = conv(num_channels, 1, strides, 1, conv_bias, in_channels)
            self.bn4 = norm(num_channels, bn_epsilon, bn_momentum, batch_norm)

    def hybrid_forward(self, F: Any, x: Any) -> Any:  # noqa: N803
        """(N, C, H, W) to (N, num_channels, H / strides, W / strides), rounded up."""
        x = self.input_barrier(F, x)
        y = self.relu(F, self.layout_barrier(F, self.bn1(self.conv1(x))))
        y = self.bn2(self.conv2(y))
        if self.conv4 is not None:
            x = self.bn4(self.conv4(x))
        return self.relu(F, self.layout_barrier(F, add(F, y, x)))


class VanillaBlock(HybridBlock):
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
        self.relu = norm_relu if batch_norm else relu
        self.input_barrier, self.layout_barrier = layout_barriers(
            batch_norm, in_channels, num_channels, strides
        )
        self.conv1 = conv(num_channels, 3, strides, 1, conv_bias, in_channels)
        self.bn1 = norm(num_channels, bn_epsilon, bn_momentum, batch_norm)
        self.conv2 = conv(num_channels, 3, 1, 1, conv_bias, num_channels)
        self.bn2 = norm(num_channels, bn_epsilon, bn_momentum, batch_norm)

    def hybrid_forward(self, F: Any, x: Any) -> Any:  # noqa: N803
        """(N, C, H, W) to (N, num_channels, H / strides, W / strides), rounded up."""
        x = self.input_barrier(F, x)
        y = self.relu(F, self.layout_barrier(F, self.bn1(self.conv1(x))))
        return self.relu(F, self.layout_barrier(F, self.bn2(self.conv2(y))))


class MLPBlock(HybridBlock):
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
        self.relu = norm_relu if batch_norm else relu
        self.fc1 = linear(num_channels, conv_bias, in_channels)
        self.bn1 = norm(num_channels, bn_epsilon, bn_momentum, batch_norm, of_units=True)

    def hybrid_forward(self, F: Any, x: Any) -> Any:  # noqa: N803
        """(N, C) to (N, num_channels)."""
        return self.relu(F, self.bn1(self.fc1(x)))
