"""The V and VR blocks, on which the RegNet paper tests its design spaces (section 3.4)."""

from typing import Any

from mxnet.gluon import HybridBlock

from anynet_mx.blocks import Factory
from anynet_mx.convolution import conv
from anynet_mx.layers import BatchNorm, add, layout_barriers, relu_after
from common.arch import checked_channels, checked_stride

__all__ = ["VBlock", "VRBlock"]


class VBlock(HybridBlock):
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
        self.bn1 = norm(in_channels=num_channels)
        self.relu = relu_after(self.bn1)
        self.input_barrier, self.layout_barrier = layout_barriers(
            self.bn1, in_channels, num_channels, strides
        )

    def hybrid_forward(self, F: Any, x: Any) -> Any:  # noqa: N803
        """(N, C, H, W) to (N, num_channels, H / strides, W / strides), rounded up."""
        x = self.input_barrier(F, x)
        return self.relu(F, self.layout_barrier(F, self.bn1(self.conv1(x))))


class VRBlock(HybridBlock):
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
        self.bn1 = norm(in_channels=num_channels)
        self.conv4: Any = None
        self.bn4: Any = None
        if use_1x1conv:
            self.conv4 = conv(num_channels, 1, strides, in_channels=in_channels)
            self.bn4 = norm(in_channels=num_channels)
        self.relu = relu_after(self.bn1)
        self.input_barrier, self.layout_barrier = layout_barriers(
            self.bn1, in_channels, num_channels, strides
        )

    def hybrid_forward(self, F: Any, x: Any) -> Any:  # noqa: N803
        """(N, C, H, W) to (N, num_channels, H / strides, W / strides), rounded up."""
        x = self.input_barrier(F, x)
        y = self.bn1(self.conv1(x))
        if self.conv4 is not None:
            x = self.bn4(self.conv4(x))
        return self.relu(F, self.layout_barrier(F, add(F, y, x)))
