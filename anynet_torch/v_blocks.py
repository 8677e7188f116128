"""The V and VR blocks, on which the RegNet paper tests its design spaces (section 3.4)."""

from typing import Any

from torch import Tensor, nn

from anynet_torch.blocks import Factory
from anynet_torch.convolution import conv
from anynet_torch.joined import conv_norm_relu
from anynet_torch.layers import BatchNorm
from common.arch import checked_channels, checked_stride

__all__ = ["VBlock", "VRBlock"]


class VBlock(nn.Module):
    """The V block of the RegNet paper: one 3x3 and no shortcut."""

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

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, num_channels, H / strides, W / strides), rounded up."""
        return conv_norm_relu(self.conv1, self.bn1, x)


class VRBlock(nn.Module):
    """The VR block of the RegNet paper: one 3x3 and a shortcut."""

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
        self.conv4: Any = None
        self.bn4: Any = None
        if use_1x1conv:
            self.conv4 = conv(num_channels, 1, strides, in_channels=in_channels)
            self.bn4 = norm(num_channels)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, num_channels, H / strides, W / strides), rounded up."""
        shortcut = x
        if self.conv4 is not None:
            shortcut = conv_norm_relu(self.conv4, self.bn4, x, relu=False)
        return conv_norm_relu(self.conv1, self.bn1, x, shortcut=shortcut)
