"""The blocks that stages are made of; layer names are the chapter's (section 8.6.5).

`conv`, `linear` and `norm` make a block's layers; they are called as the defaults are. `AnyNet`
passes those of `layer_factories`, which hold the constants of its spec.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from mxnet.gluon import HybridBlock

from anynet_mx.convolution import conv, joined_width, plain
from anynet_mx.layers import (
    BatchNorm,
    SqueezeExcitation,
    UnitNorm,
    add,
    layout_barriers,
    linear,
    no_norm,
    relu_after,
)
from common.arch import AnyNetSpec, bottleneck, checked_channels, checked_stride

__all__ = ["MLPBlock", "ResNeXtBlock", "ResNetBlock", "VanillaBlock", "layer_factories"]

Factory = Callable[..., HybridBlock]


def layer_factories(spec: AnyNetSpec) -> dict[str, Any]:
    """What the blocks of a network make their layers by, with the constants of `spec`."""
    norm: Factory = no_norm
    if spec.batch_norm:
        layer = UnitNorm if spec.block == "mlp" else BatchNorm
        norm = partial(layer, epsilon=spec.bn_epsilon, momentum=spec.bn_momentum)
    if spec.block == "mlp":
        return {"linear": partial(linear, use_bias=spec.conv_bias), "norm": norm}
    return {"conv": partial(conv, use_bias=spec.conv_bias), "norm": norm}


class ResNeXtBlock(HybridBlock):
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
        self.bn1 = norm(in_channels=middle)
        self.conv2 = conv(middle, 3, strides, groups, in_channels=middle)
        self.bn2 = norm(in_channels=middle)
        self.se = SqueezeExcitation(middle, se_channels) if se_channels else None
        self.conv3 = conv(num_channels, 1, in_channels=middle)
        self.bn3 = norm(in_channels=num_channels)
        self.conv4: Any = None
        self.bn4: Any = None
        if use_1x1conv:
            self.conv4 = conv(num_channels, 1, strides, in_channels=in_channels)
            self.bn4 = norm(in_channels=num_channels)
        self.relu = relu_after(self.bn1)
        self.input_barrier, self.layout_barrier = layout_barriers(
            self.bn1, in_channels, num_channels, strides, middle, joined_width(middle, groups)
        )

    def hybrid_forward(self, F: Any, x: Any) -> Any:  # noqa: N803
        """(N, C, H, W) to (N, num_channels, H / strides, W / strides), rounded up."""
        x = self.input_barrier(F, x)
        y = self.relu(F, self.layout_barrier(F, self.bn1(self.conv1(x))))
        # Squeeze-and-excitation computes in the plain layout.
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
        self.conv2 = conv(num_channels, 3, in_channels=num_channels)
        self.bn2 = norm(in_channels=num_channels)
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
        self.conv2 = conv(num_channels, 3, in_channels=num_channels)
        self.bn2 = norm(in_channels=num_channels)
        self.relu = relu_after(self.bn1)
        self.input_barrier, self.layout_barrier = layout_barriers(
            self.bn1, in_channels, num_channels, strides
        )

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
        *,
        linear: Factory = linear,
        norm: Factory = UnitNorm,
        in_channels: int | None = None,
    ) -> None:
        super().__init__()
        checked_channels(num_channels)
        self.fc1 = linear(num_channels, in_channels=in_channels)
        self.bn1 = norm(in_channels=num_channels)
        self.relu = relu_after(self.bn1)

    def hybrid_forward(self, F: Any, x: Any) -> Any:  # noqa: N803
        """(N, C) to (N, num_channels)."""
        return self.relu(F, self.bn1(self.fc1(x)))
