"""A convolution and its batch norm, shortcut and ReLU, computed together where that is faster.

Only in `fused_norms`, the context of a learner's training step, and only layers of PyTorch and this
package; all others are called one by one.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from anynet_torch.convolution import convolved
from anynet_torch.graphs import has_hooks, launching
from anynet_torch.layers import BatchNorm

__all__ = ["Stem", "compile_norms", "conv_norm_relu", "fused_norms"]

_warn = logging.getLogger("anynet").warning

_without_kernels: list[str] = [] if find_spec("triton") else ["Triton is not installed"]
"""Why this process cannot use Triton's kernels, if so."""

_FORWARD: dict[type, Any] = {layer: layer.forward for layer in (nn.Conv2d, nn.Linear, BatchNorm)}
"""Those of PyTorch and this package, which a user may replace, in the class or in a layer."""


def conv_norm_relu(
    conv: nn.Module,
    norm: nn.Module,
    x: Tensor,
    shortcut: Tensor | None = None,
    relu: bool = True,
) -> Tensor:
    """The norm of a convolution or linear layer, plus `shortcut`, and ReLU of the sum if `relu`.

    The last two overwrite their input, which on a CPU saves a third of the time of inference.
    """
    if not _joins(conv, norm):
        y = norm(convolved(conv, x))
    elif _fuses(norm, x):
        return _fused_norm_relu(conv, norm, x, shortcut, relu)
    else:
        y = _joined(conv, norm, x)
    if shortcut is not None:
        y = y.add_(shortcut)
    return F.relu(y, inplace=True) if relu else y


class Stem(nn.Sequential):
    """Layers in order, among them a convolution or linear layer, the norm `bn` and ReLU."""

    def forward(self, x: Tensor) -> Tensor:
        """Images (N, C, H, W) to (N, channels, H', W'), or (N, channels)."""
        layers = list(self)
        first = layers.index(self.bn) - 1
        conv, bn, *relu = layers[first : first + 3]
        if not _joins(conv, bn) or [type(layer) for layer in relu] != [nn.ReLU]:
            return super().forward(x)
        for layer in layers[:first]:
            x = layer(x)
        x = conv_norm_relu(conv, bn, x)
        for layer in layers[first + 3 :]:
            x = layer(x)
        return x


@contextmanager
def fused_norms(network: nn.Module) -> Iterator[None]:
    """Context in which `network`, in training, computes batch norms with the layers around them.

    On a GPU with shortcut and ReLU; everywhere without the bias of the layer before, which the norm
    would subtract again with the mean: its gradient is 0. First derivatives only. A network with
    hooks is computed layer by layer, so that all hooks run.
    """
    norms = _joinable_norms(network)
    try:
        for norm in norms:
            norm.joins = True
        yield
    finally:
        for norm in norms:
            norm.joins = False


def compile_norms(network: nn.Module, dtype: torch.dtype) -> None:
    """Compile the kernels that `fused_norms` needs on a GPU, for activations of `dtype`.

    If that fails, as without a C compiler, one warning says so, and this process does without them.
    """
    norms = [norm for norm in _joinable_norms(network) if norm.weight.dtype == torch.float32]
    if not norms or _without_kernels:
        return
    convs = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)]
    channels, weight = {norm.num_features for norm in norms}, norms[0].weight
    try:
        from anynet_torch.fused_norm import compile_kernels

        with launching:
            has_offset = any(conv.bias is not None for conv in convs)
            compile_kernels(channels, dtype, weight.device, has_offset)
    except torch.OutOfMemoryError:
        raise
    except Exception as error:  # Triton's, a compiler's or the file system's
        reason = f"{type(error).__name__}: {error}".splitlines()[0][:200]
        _without_kernels.append(reason)
        _warn("PyTorch: batch norms are not fused, and are slower, as Triton fails: %s", reason)


def _joinable_norms(network: nn.Module) -> list[BatchNorm]:
    """The batch norms of a network without hooks; of others none."""
    layers = list(network.modules())
    if any(map(has_hooks, layers)):
        return []
    return [layer for layer in layers if isinstance(layer, BatchNorm)]


def _joins(conv: nn.Module, norm: nn.Module) -> bool:
    """Whether `fused_norms` joins these two."""
    if not (isinstance(norm, BatchNorm) and norm.joins and norm.training):
        return False
    return _is_own(norm, BatchNorm) and _is_own(conv, nn.Conv2d, nn.Linear)


def _is_own(layer: nn.Module, *types: type) -> bool:
    """Whether the layer has one of these types, and does what they did when they were imported."""
    forward = getattr(layer.forward, "__func__", None)
    return type(layer) in types and forward is _FORWARD[type(layer)]


def _joined(conv: Any, norm: Any, x: Tensor) -> Tensor:
    """The norm of a convolution or linear layer, whose bias only changes the running mean.

    Its gradient would take a tenth of the time of a training step on a CPU.
    """
    if conv.bias is None:
        return norm(conv(x))
    weight = _WithoutBias.apply(conv.weight, conv.bias)
    return norm(_without_bias(conv, x, weight), conv.bias)


class _WithoutBias(torch.autograd.Function):
    """The weight of a layer whose bias is left out, for the bias to have the gradient 0."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(bias)
        return weight.detach()  # unlike a view, it keeps the strides of a 1x1 kernel

    @staticmethod
    def backward(ctx: Any, dweight: Tensor) -> tuple[Tensor, Tensor]:
        return dweight, torch.zeros_like(*ctx.saved_tensors)


def _without_bias(conv: Any, x: Tensor, weight: Tensor) -> Tensor:
    """A convolution or linear layer with `weight` and no bias."""
    if isinstance(conv, nn.Conv2d):
        return conv._conv_forward(x, weight, None)
    return F.linear(x, weight)


def _fuses(norm: Any, x: Tensor) -> bool:
    """Whether `anynet_torch.kernels` supports this norm and input."""
    on_gpu = (x.is_cuda and not _without_kernels) or os.environ.get("TRITON_INTERPRET") == "1"
    return on_gpu and norm.weight.dtype == torch.float32 and norm.momentum is not None


def _fused_norm_relu(
    conv: Any, norm: Any, x: Tensor, shortcut: Tensor | None, relu: bool
) -> Tensor:
    from anynet_torch.fused_norm import batch_norm
    from anynet_torch.kernels import Statistics

    y = _without_bias(conv, x, conv.weight)
    norm.num_batches_tracked.add_(1)
    running = Statistics(norm.running_mean, norm.running_var, norm.momentum, norm.eps)
    return batch_norm(y, norm.weight, norm.bias, conv.bias, shortcut, running, relu)
