"""Layers whose padding, constants and statistics are the same in all four frameworks."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from anynet_torch.process import exact_products
from common.arch import BN_EPSILON, BN_MOMENTUM, shared_momentum
from common.arrays import check_pixels
from common.data import Preprocessing, check_resized, resize_matrix
from common.data.mixup import partners

__all__ = [
    "BatchNorm",
    "SqueezeExcitation",
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


class BatchNorm(nn.BatchNorm2d):
    """Batch norm whose running variance averages the biased batch variance.

    `momentum` is the weight of the new batch.
    """

    joins = False
    """Whether it may be computed with the layers around it; see `anynet_torch.joined`."""

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
