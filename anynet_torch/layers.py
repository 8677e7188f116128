"""Layers with the padding, constants and statistics that all four frameworks share."""

from functools import lru_cache

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from common.arch import BN_EPSILON, BN_MOMENTUM, shared_momentum
from common.arrays import check_pixels
from common.data import resize_matrix

__all__ = ["BatchNorm", "SqueezeExcitation", "linear", "norm", "resize_images"]


def linear(channels: int, use_bias: bool = True, in_channels: int | None = None) -> nn.Module:
    """A linear layer; without `in_channels` its weights are allocated at the first call."""
    if in_channels is None:
        return nn.LazyLinear(channels, bias=use_bias)
    return nn.Linear(in_channels, channels, bias=use_bias)


class BatchNorm(nn.BatchNorm2d):
    """Batch norm whose running variance averages the biased batch variance.

    `momentum` is the weight of the new batch.
    """

    def __init__(
        self, in_channels: int, epsilon: float = BN_EPSILON, momentum: float = BN_MOMENTUM
    ) -> None:
        super().__init__(in_channels, epsilon, shared_momentum(momentum))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise (N, C, H, W), or (N, C), per channel."""
        if not self.training:
            mean, variance = self.running_mean, self.running_var
            return F.batch_norm(x, mean, variance, self.weight, self.bias, eps=self.eps)
        self.num_batches_tracked.add_(1)
        # Without a momentum, as in `torch.optim.swa_utils.update_bn`, all batches weigh the same.
        new = 1 / self.num_batches_tracked.item() if self.momentum is None else self.momentum
        n = x.numel() // x.shape[1]
        if n == 1:
            return self._normalise_one(x, new)
        unbiased = self.running_var.clone()
        normalised = F.batch_norm(
            x, self.running_mean, unbiased, self.weight, self.bias, True, new, self.eps
        )
        # PyTorch averages the variance times n / (n - 1): take the factor out of the new part.
        with torch.no_grad():
            self.running_var.mul_((1 - new) / n).add_(unbiased, alpha=(n - 1) / n)
        return normalised

    def _normalise_one(self, x: Tensor, new: float) -> Tensor:
        """One value per channel, its own mean with a variance of 0, which PyTorch refuses."""
        centred = x - x.mean([0, *range(2, x.ndim)], keepdim=True)
        with torch.no_grad():
            self.running_mean.lerp_(x.flatten().to(self.running_mean.dtype), new)
            self.running_var.lerp_(centred.flatten().to(self.running_var.dtype) ** 2, new)
        shape = (-1, *(1,) * (x.ndim - 2))
        scale = self.weight * self.eps**-0.5
        return (centred * scale.view(shape) + self.bias.view(shape)).to(x.dtype)


def norm(
    in_channels: int,
    epsilon: float = BN_EPSILON,
    momentum: float = BN_MOMENTUM,
    batch_norm: bool = True,
) -> nn.Module:
    """Batch norm, or nothing in a network without."""
    return BatchNorm(in_channels, epsilon, momentum) if batch_norm else nn.Identity()


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


@lru_cache
def _resize_matrix(old: int, new: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    return torch.from_numpy(resize_matrix(old, new)).to(device, dtype)
