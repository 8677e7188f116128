"""Convolutions with symmetric padding, and fast grouped ones."""

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from anynet_torch.graphs import has_hooks

__all__ = ["conv", "convolved"]


_FEW = 4
"""Images from which on a 1x1 convolution was as fast as the product."""

_FORWARD = nn.Conv2d.forward
"""PyTorch's own, which a user may replace, in the class or in a layer."""


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


def convolved(layer: nn.Module, x: Tensor) -> Tensor:
    """What a convolution, or a linear layer, makes of `x`."""
    return _pointwise(layer, x) if _is_product(layer, x) else layer(x)


def _pointwise(conv: nn.Conv2d, x: Tensor) -> Tensor:
    """A 1x1 convolution of (N, C, H, W) as a product of matrices, of pixels and of weights.

    In each call of a convolution oneDNN orders its weights anew, and with few images that is a
    tenth of a network's time.
    """
    rows, columns = conv.stride
    pixels = x[:, :, ::rows, ::columns].permute(0, 2, 3, 1)
    return F.linear(pixels, conv.weight.flatten(1), conv.bias).permute(0, 3, 1, 2)


def _is_product(conv: nn.Module, x: Tensor) -> bool:
    """Whether `conv` is a 1x1 convolution that predicts few images on a CPU, and is only that."""
    return (
        type(conv) is nn.Conv2d
        and conv.kernel_size == (1, 1)
        and not torch.is_grad_enabled()
        and not torch.compiler.is_compiling()
        and x.device.type == "cpu"
        and x.dtype == conv.weight.dtype == torch.float32
        and x.ndim == 4
        and len(x) < _FEW
        and (conv.groups, conv.padding, conv.dilation) == (1, (0, 0), (1, 1))
        and not has_hooks(conv)
        and getattr(conv.forward, "__func__", None) is _FORWARD
    )
