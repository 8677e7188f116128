"""Max pooling with symmetric padding."""

import flax.linen as nn
from jax import Array

__all__ = ["MaxPool"]


class MaxPool(nn.Module):
    """3x3 max pooling of stride 2, which keeps NaN; the first maximum gets the gradient."""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """(N, H, W, C) to (N, H / 2, W / 2, C), rounded up."""
        return nn.max_pool(x, (3, 3), (2, 2), ((1, 1), (1, 1)))
