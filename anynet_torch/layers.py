"""Layers whose padding, constants and statistics are the same in all four frameworks."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from anynet_torch.convolution import convolved
from anynet_torch.graphs import has_hooks
from anynet_torch.process import exact_products
from common.arch import BN_EPSILON, BN_MOMENTUM, shared_momentum
from common.arrays import check_pixels
from common.data import Preprocessing, check_resized, resize_matrix
from common.data.mixup import partners

__all__ = [
    "BatchNorm",
    "SqueezeExcitation",
    "Stem",
    "conv_norm_relu",
    "fused_norms",
    "linear",
    "mix_images",
    "prepare_images",
    "products",
    "resize_images",
    "synced_norms",
]


def linear(channels: int, use_bias: bool = True, in_channels: int | None = None) -> nn.Module:
    """A linear layer; without `in_channels` its weights are allocated at the first call."""
    if in_channels is None:
        return nn.LazyLinear(channels, bias=use_bias)
    return nn.Linear(in_channels, channels, bias=use_bias)


_FORWARD: dict[type, Any] = {layer: layer.forward for layer in (nn.Conv2d, nn.Linear)}
"""PyTorch's own, which a user may replace, in the class or in a layer."""


class BatchNorm(nn.BatchNorm2d):
    """Batch norm whose running variance averages the biased batch variance.

    `momentum` is the weight of the new batch.
    """

    joins = False
    """Whether `conv_norm_relu` may compute it with the layers around it; see `fused_norms`."""

    synced = False
    """Whether its statistics are over the batches of all processes; see `synced_norms`."""

    def __init__(
        self, in_channels: int, epsilon: float = BN_EPSILON, momentum: float = BN_MOMENTUM
    ) -> None:
        super().__init__(in_channels, epsilon, shared_momentum(momentum))

    def forward(self, x: Tensor, offset: Tensor | None = None) -> Tensor:
        """Normalise (N, C, H, W), or (N, C), per channel.

        `offset` (C,) is the bias of the layer before, if it was not added to `x`: in training it
        changes the running mean alone.
        """
        if not self.training:
            mean, variance = self.running_mean, self.running_var
            return F.batch_norm(x, mean, variance, self.weight, self.bias, eps=self.eps)
        self.num_batches_tracked.add_(1)
        # momentum=None, as set by `torch.optim.swa_utils.update_bn`, means a cumulative average.
        new = 1 / self.num_batches_tracked.item() if self.momentum is None else self.momentum
        normalised = self._normalise(x, new)
        if offset is not None:
            with torch.no_grad():
                self.running_mean.add_(offset, alpha=new)
        return normalised

    def _normalise(self, x: Tensor, new: float) -> Tensor:
        """Normalise by the statistics of the batch, which have the weight `new` in the running."""
        if self.synced:
            return self._normalise_all(x, new)
        n = x.numel() // x.shape[1]
        if n == 1:
            return self._normalise_one(x, new)
        mean, unbiased = self.running_mean.clone(), self.running_var.clone()
        normalised = F.batch_norm(x, mean, unbiased, self.weight, self.bias, True, new, self.eps)
        # PyTorch averages the unbiased variance: remove its factor n / (n - 1) from the new part.
        with torch.no_grad():
            self.running_mean.copy_(mean)
            self.running_var.mul_((1 - new) / n).add_(unbiased, alpha=(n - 1) / n)
        return normalised

    def _normalise_all(self, x: Tensor, new: float) -> Tensor:
        """Normalise by the statistics of this process's batch and those of all others."""
        from anynet_torch.collectives import batch_norm

        normalised, mean, variance = batch_norm(x, self.weight, self.bias, self.eps)
        with torch.no_grad():
            self.running_mean.lerp_(mean.to(self.running_mean.dtype), new)
            self.running_var.lerp_(variance.to(self.running_var.dtype), new)
        return normalised

    def _normalise_one(self, x: Tensor, new: float) -> Tensor:
        """One value per channel, whose variance is 0; `F.batch_norm` refuses to train on that."""
        centred = x - x.mean([0, *range(2, x.ndim)], keepdim=True)
        with torch.no_grad():
            self.running_mean.lerp_(x.flatten().to(self.running_mean.dtype), new)
            self.running_var.lerp_(centred.flatten().to(self.running_var.dtype) ** 2, new)
        shape = (-1, *(1,) * (x.ndim - 2))
        scale = self.weight * self.eps**-0.5
        return (centred * scale.view(shape) + self.bias.view(shape)).to(x.dtype)


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
    norms = [layer for layer in network.modules() if isinstance(layer, BatchNorm)]
    joins = not any(map(has_hooks, network.modules()))
    try:
        for norm in norms:
            norm.joins = joins
        yield
    finally:
        for norm in norms:
            norm.joins = False


@contextmanager
def synced_norms(network: nn.Module) -> Iterator[None]:
    """Context in which batch norms of `network` use the statistics of all processes' batches.

    All processes must run the same network, on batches of equal sizes. First derivatives only.
    """
    norms = [layer for layer in network.modules() if isinstance(layer, BatchNorm)]
    try:
        for norm in norms:
            norm.synced = True
        yield
    finally:
        for norm in norms:
            norm.synced = False


def _joins(conv: nn.Module, norm: nn.Module) -> bool:
    """Whether `fused_norms` joins these two: layers with PyTorch's and this package's `forward`."""
    if not (isinstance(norm, BatchNorm) and norm.joins and norm.training):
        return False
    own = _FORWARD.get(type(conv))
    return own is not None and getattr(conv.forward, "__func__", None) is own


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
    on_gpu = (x.is_cuda and _has_triton()) or os.environ.get("TRITON_INTERPRET") == "1"
    return on_gpu and norm.weight.dtype == torch.float32 and norm.momentum is not None


@cache
def _has_triton() -> bool:
    return find_spec("triton") is not None


def _fused_norm_relu(
    conv: Any, norm: Any, x: Tensor, shortcut: Tensor | None, relu: bool
) -> Tensor:
    from anynet_torch.kernels import Statistics, batch_norm

    y = _without_bias(conv, x, conv.weight)
    norm.num_batches_tracked.add_(1)
    running = Statistics(norm.running_mean, norm.running_var, norm.momentum, norm.eps)
    return batch_norm(y, norm.weight, norm.bias, conv.bias, shortcut, running, relu)


class SqueezeExcitation(nn.Module):
    """A gate per channel, computed from the mean of all channels (Hu et al., 2018)."""

    def __init__(self, channels: int, se_channels: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(channels, se_channels)
        self.fc2 = nn.Linear(se_channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Scale (N, C, H, W) by gates in (0, 1)."""
        gates = self.fc2(self.fc1(x.mean((2, 3))).relu()).sigmoid()
        return x * gates[:, :, None, None]


@contextmanager
def products(precision: str = "float32") -> Iterator[None]:
    """Context in which a GPU multiplies float32 in full precision, or in TF32 if asked for.

    `precision` is that of the learner. By default PyTorch's convolutions round their factors to
    TF32, whose mantissa has 10 bits. Convolutions also use deterministic algorithms here, which
    took no longer where it was measured. The settings are the process's: threads that train at a
    time must do so in one precision, and the last to leave restores what was there before.
    """
    with exact_products(tf32=precision == "tf32"):
        yield


def resize_images(
    images: Tensor, size: tuple[int, int], dtype: torch.dtype = torch.float32
) -> Tensor:
    """Scale uint8 images to [0, 1] and resize them bilinearly, on their device.

    (N, C, H, W) uint8 to (N, C, *size) of `dtype`; the definition is `common.data.prepare`.
    Raises `DataError` for images of another type.
    """
    check_pixels(images.shape, images.dtype)
    x = images.to(dtype) / 255
    height, width = images.shape[2:]
    if (height, width) == size:
        return x
    rows = _resize_matrix(height, size[0], x.device, dtype)
    columns = _resize_matrix(width, size[1], x.device, dtype)
    return rows @ (x @ columns.T)


def prepare_images(
    images: Tensor, preprocessing: Preprocessing, dtype: torch.dtype = torch.float32
) -> Tensor:
    """Pixels as a network sees them, on their device: resized, then `(x * scale - mean) / std`.

    (N, C, H, W) uint8 to (N, C, *size) of `dtype`; the definition is `common.data.network_input`.
    Raises `DataError` for images of another type, or for those that are to be smoothed and have
    another size.
    """
    check_resized(images.shape[2:], preprocessing)
    x = resize_images(images, preprocessing.size, dtype)
    if preprocessing.is_plain:
        return x
    mean, std = (
        _per_channel(values, x.device, dtype) for values in (preprocessing.mean, preprocessing.std)
    )
    return (x * (255 * preprocessing.scale) - mean) / std


def mix_images(images: Tensor, shares: Tensor) -> Tensor:
    """Mixup of prepared images (N, ...) by the share (N,) of each that is its own.

    The definition is `common.data.mixup.mixed`.
    """
    own = shares.view(-1, *(1,) * (images.ndim - 1))
    return own * images + (1 - own) * images[_partners(len(images), images.device)]


@cache  # never evicted: a captured CUDA graph reads them as long as it exists
def _partners(count: int, device: torch.device) -> Tensor:
    return torch.from_numpy(partners(count)).to(device)


@cache
def _per_channel(values: tuple[float, ...], device: torch.device, dtype: torch.dtype) -> Tensor:
    return torch.tensor(values, dtype=torch.float64).view(-1, 1, 1).to(device, dtype)


@cache  # never evicted: a captured CUDA graph reads them as long as it exists
def _resize_matrix(old: int, new: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    return torch.from_numpy(resize_matrix(old, new)).to(device, dtype)
