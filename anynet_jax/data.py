"""Fashion-MNIST with batches as arrays of the framework."""

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from common.data import FashionMNIST as BaseFashionMNIST

__all__ = ["FashionMNIST"]


class FashionMNIST(BaseFashionMNIST):
    """Fashion-MNIST in batches, to be seen at `resize` pixels (chapter section 4.2).

    Loaders give float32 arrays (N, H, W, 1) from 0 to 1, and labels (N,) int32.
    """

    def to_native(
        self, images: NDArray[np.float32], labels: NDArray[np.int32]
    ) -> tuple[jax.Array, jax.Array]:
        """A batch as a loader yields it, from float32 images (N, C, H, W) and int32 labels (N,)."""
        return jnp.asarray(images.transpose(0, 2, 3, 1)), jnp.asarray(labels)
