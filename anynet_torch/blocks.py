"""The blocks that stages are made of; layer names are the chapter's (section 8.6.5).

`conv`, `linear` and `norm` make a block's layers; they are called as the defaults are. `AnyNet`
passes those of `layer_factories`, which hold the constants of its spec.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from torch import Tensor, nn

from anynet_torch.convolution import conv
from anynet_torch.joined import conv_norm_relu
from anynet_torch.layers import BatchNorm, SqueezeExcitation, linear
from common.arch import AnyNetSpec, bottleneck, checked_channels, checked_stride

__all__ = ["MLPBlock", "ResNeXtBlock", "ResNetBlock", "VanillaBlock", "layer_factories"]

Factory = Callable[..., nn.Module]


def layer_factories(spec: AnyNetSpec) -> dict[str, Any]:
    """What the blocks of a network make their layers by, with the constants of `spec`."""
    norm: Factory = nn.Identity
    if spec.batch_norm:
        norm = partial(BatchNorm, epsilon=spec.bn_epsilon, momentum=spec.bn_momentum)
    if spec.block == "mlp":
        return {"linear": partial(linear, use_bias=spec.conv_bias), "norm": norm}
    return {"conv": partial(conv, use_bias=spec.conv_bias), "norm": norm}


class ResNeXtBlock(nn.Module):
    """The ResNeXt block: 1x1, 3x3 in groups, 1x1, and a shortcut.

    - `num_channels`: output channels
    - `group_width`: channels per group of the 3x3 convolution; `None` means one group
    - `bottleneck_multiplier`: channels of the 3x3 convolution as a multiple of `num_channels`
    - `use_1x1conv`: project the shortcut by a 1x1 convolution
    - `strides`: of the 3x3 convolution, 1 or 2
    - `se_channels`: hidden width of squeeze-and-excitation; 0 means none

    Without `in_channels`, weights are allocated at the first call. Raises `SpecError`.
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
        in_channels: int | None = None,
    ) -> None:
        super().__init__()
        strides = checked_stride("strides", strides)
        middle, groups = bottleneck(num_channels, group_width, bottleneck_multiplier)
        self.conv1 = conv(middle, 1, in_channels=in_channels)
        self.bn1 = norm(middle)
        self.conv2 = conv(middle, 3, strides, groups, in_channels=middle)
        self.bn2 = norm(middle)
        self.se = SqueezeExcitation(middle, se_channels) if se_channels else None
        self.conv3 = conv(num_channels, 1, in_channels=middle)
        self.bn3 = norm(num_channels)
        self.conv4: Any = None
        self.bn4: Any = None
        if use_1x1conv:
            self.conv4 = conv(num_channels, 1, strides, in_channels=in_channels)
            self.bn4 = norm(num_channels)

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
        *,
        conv: Factory = conv,
        norm: Factory = BatchNorm,
        in_channels: int | None = None,
    ) -> None:
        super().__init__()
        strides = checked_stride("strides", strides)
        checked_channels(num_channels)
        self.conv1 = conv(num_channels, 3, strides, in_channels=in_channels)
        self.bn1 = norm(num_channels)
        self.conv2 = conv(num_channels, 3, in_channels=num_channels)
        self.bn2 = norm(num_channels)
        self.conv4: Any = None
        self.bn4: Any = None
        if use_1x1conv:
            self.conv4 = conv(num_channels, 1, strides, in_channels=in_channels)
            self.bn4 = norm(num_channels)

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
        *,
        conv: Factory = conv,
        norm: Factory = BatchNorm,
        in_channels: int | None = None,
    ) -> None:
        super().__init__()
        strides = checked_stride("strides", strides)
        checked_channels(num_channels)
        self.conv1 = conv(num_channels, 3, strides, in_channels=in_channels)
        self.bn1 = norm(num_channels)
        self.conv2 = conv(num_channels, 3, in_channels=num_channels)
        self.bn2 = norm(num_channels)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, num_channels, H / strides, W / strides), rounded up."""
        y = conv_norm_relu(self.conv1, self.bn1, x)
        return conv_norm_relu(self.conv2, self.bn2, y)


class MLPBlock(nn.Module):
    """The block of an MLP: a linear layer, batch norm and ReLU."""

    def __init__(
        self,
        num_channels: int,
        *,
        linear: Factory = linear,
        norm: Factory = BatchNorm,
        in_channels: int | None = None,
    ) -> None:
        super().__init__()
        checked_channels(num_channels)
        self.fc1 = linear(num_channels, in_channels=in_channels)
        self.bn1 = norm(num_channels)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C) to (N, num_channels)."""
        return conv_norm_relu(self.fc1, self.bn1, x)
