"""Convolutions with symmetric padding, and fast grouped ones."""

from torch import nn

__all__ = ["conv"]


def conv(
    channels: int,
    kernel_size: int,
    strides: int = 1,
    groups: int = 1,
    use_bias: bool = True,
    in_channels: int | None = None,
) -> nn.Module:
    """A convolution with symmetric padding, so that stride 1 keeps the size.

    `kernel_size` is odd. Without `in_channels` the kernel is allocated at the first call.
    """
    padding = (kernel_size - 1) // 2
    if in_channels is None:
        return nn.LazyConv2d(channels, kernel_size, strides, padding, groups=groups, bias=use_bias)
    return nn.Conv2d(
        in_channels, channels, kernel_size, strides, padding, groups=groups, bias=use_bias
    )
