"""Fashion-MNIST with batches as arrays of the framework."""

import numpy
from mxnet import np
from numpy.typing import NDArray

from common.data import FashionMNIST as BaseFashionMNIST

__all__ = ["FashionMNIST"]


class FashionMNIST(BaseFashionMNIST):
    """Fashion-MNIST in batches, to be seen at `resize` pixels (chapter section 4.2).

    Loaders give float32 arrays (N, 1, H, W) from 0 to 1, and labels (N,) int32.
    """

    def to_native(
        self, images: NDArray[numpy.float32], labels: NDArray[numpy.int32]
    ) -> tuple[np.ndarray, np.ndarray]:
        """A batch as a loader yields it, from float32 images (N, C, H, W) and int32 labels (N,)."""
        return np.array(images, dtype="float32"), np.array(labels, dtype="int32")
