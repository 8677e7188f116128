"""The order of training images, a function of seed and epoch alone."""

import numpy as np
from numpy.typing import NDArray


def batch_order(size: int, seed: int, epoch: int) -> NDArray[np.int64]:
    """The permutation, int64 (size,), of training images in `epoch` (from 0)."""
    return np.random.default_rng([seed, epoch]).permutation(size)
