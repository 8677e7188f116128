"""Convolutions padded alike on all sides, and fast ones in groups of channels."""

from typing import Any

from mxnet.gluon import nn

from anynet_mx.layers import Array

__all__ = ["conv", "plain"]


def conv(
    channels: int,
    kernel_size: int,
    strides: int = 1,
    groups: int = 1,
    use_bias: bool = True,
    in_channels: int | None = None,
) -> nn.Conv2D:
    """A convolution padded alike on all sides, so that stride 1 keeps the size.

    Without `in_channels` the kernel is allocated at the first call.
    """
    padding = (kernel_size - 1) // 2
    # Groups of 4, 12, ... channels come out in blocks of 4, for which oneDNN has slow batch norms.
    layer = PlainConv2D if groups > 1 and channels // groups % 8 == 4 else nn.Conv2D
    return layer(
        channels,
        kernel_size,
        strides,
        padding,
        groups=groups,
        use_bias=use_bias,
        in_channels=in_channels or 0,
    )


class PlainConv2D(nn.Conv2D):
    """A convolution whose outputs are in the plain layout."""

    def hybrid_forward(self, F: Any, x: Any, weight: Any, bias: Any = None) -> Any:  # noqa: N803
        """(N, C, H, W) to (N, channels, H / strides, W / strides), rounded up."""
        y = super().hybrid_forward(F, x, weight, bias)
        return plain(F, y)


def plain(F: Any, x: Array) -> Array:  # noqa: N803
    """The images `x` (N, C, H, W) in the plain layout."""
    return F.reshape(x.as_nd_ndarray(), shape=(0, 0, 0, 0)).as_np_ndarray()
