"""Convolutions with symmetric padding, and fast grouped ones."""

from math import gcd
from typing import Any

from mxnet.gluon import nn

from anynet_mx.layers import Array

__all__ = ["conv", "joined_width", "plain"]

_BLOCK = 16
"""Channels per block in oneDNN's preferred layout."""


def conv(
    channels: int,
    kernel_size: int,
    strides: int = 1,
    groups: int = 1,
    use_bias: bool = True,
    in_channels: int | None = None,
) -> nn.Conv2D:
    """A convolution with symmetric padding, so that stride 1 keeps the size.

    `kernel_size` is odd. Without `in_channels` the kernel is allocated at the first call.
    """
    shape = {
        "kernel_size": kernel_size,
        "strides": strides,
        "padding": (kernel_size - 1) // 2,
        "groups": groups,
        "use_bias": use_bias,
        "in_channels": in_channels or 0,
    }
    width, joined = channels // groups, joined_width(channels, groups)
    if 1 < width < joined and in_channels == channels:
        return JoinedConv2D(channels, joined // width, **shape)
    # oneDNN blocks the output of groups of 4, 12, ... channels by 4, where its batch norm is slow.
    layer = PlainConv2D if groups > 1 and width % 8 == 4 else nn.Conv2D
    return layer(channels, **shape)


def joined_width(channels: int, groups: int) -> int:
    """Width of each convolution that is actually run: one group, or several merged.

    Groups are merged to a multiple of 16 channels, oneDNN's block, if their number allows it. A
    depthwise convolution, with one channel per group, is run as one. `channels` are both input and
    output channels.
    """
    width = channels // groups
    together = _BLOCK // gcd(width, _BLOCK)
    if width == 1:
        return channels
    return width if groups % together else width * together


class JoinedConv2D(nn.Conv2D):
    """A grouped convolution that merges every `together` groups, with zeros between them.

    Merging groups of 8 channels in pairs, for example, doubles the arithmetic. oneDNN still takes
    less time, and all arrays have one layout, so that none is reordered (see `layout_barriers`).
    """

    def __init__(self, channels: int, together: int, **shape: Any) -> None:
        super().__init__(channels, **shape)
        self._together = together
        self._kwargs["num_group"] //= together  # of the operator; the parameter keeps its shape

    def hybrid_forward(self, F: Any, x: Any, weight: Any, bias: Any = None) -> Any:  # noqa: N803
        """(N, C, H, W) to (N, channels, H / strides, W / strides), rounded up."""
        return super().hybrid_forward(F, x, self._dense(F, weight), bias)

    def _dense(self, F: Any, weight: Any) -> Any:  # noqa: N803
        """The kernel (out, width, k, k) as the merged one (out, together * width, k, k)."""
        weight = weight.as_nd_ndarray()
        zeros, positions = [F.zeros_like(weight)], range(self._together)
        groups = []
        for index in positions:
            wide = F.concat(*zeros * index, weight, *zeros * (positions[-1] - index), dim=1)
            by_group = F.reshape(wide, shape=(self._kwargs["num_group"], self._together, -1))
            groups.append(F.slice_axis(by_group, axis=1, begin=index, end=index + 1))
        dense = F.reshape_like(F.concat(*groups, dim=1), wide)
        return dense.as_np_ndarray()


class PlainConv2D(nn.Conv2D):
    """A convolution whose output is in the plain layout."""

    def hybrid_forward(self, F: Any, x: Any, weight: Any, bias: Any = None) -> Any:  # noqa: N803
        """(N, C, H, W) to (N, channels, H / strides, W / strides), rounded up."""
        y = super().hybrid_forward(F, x, weight, bias)
        return plain(F, y)


def plain(F: Any, x: Array) -> Array:  # noqa: N803
    """The images `x` (N, C, H, W) in the plain layout."""
    return F.reshape(x.as_nd_ndarray(), shape=(0, 0, 0, 0)).as_np_ndarray()
