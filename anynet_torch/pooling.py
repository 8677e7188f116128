"""Max pooling with symmetric padding."""

import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

__all__ = ["MaxPool"]


class MaxPool(nn.Module):
    """3x3 max pooling of stride 2, which keeps NaN; the first maximum gets the gradient."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C, H / 2, W / 2), rounded up."""
        return F.max_pool2d(x, 3, 2, 1)
