"""Fashion-MNIST with batches as arrays of the framework."""

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from common.data import FashionMNIST as BaseFashionMNIST

__all__ = ["FashionMNIST"]


class FashionMNIST(BaseFashionMNIST):
    """Fashion-MNIST in batches, to be seen at `resize` pixels (chapter section 4.2).

    Loaders give float32 tensors (N, H, W, 1) from 0 to 1, and labels (N,) int32.
    """

    def to_native(
        self, images: NDArray[np.float32], labels: NDArray[np.int32]
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """A batch as a loader yields it, from float32 images (N, C, H, W) and int32 labels (N,)."""
        return tf.constant(images.transpose(0, 2, 3, 1)), tf.constant(labels)
