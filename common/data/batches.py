"""The order of the training images: a function of seed and epoch, the same everywhere."""

import numpy as np
from numpy.typing import NDArray


def batch_order(size: int, seed: int, epoch: int) -> NDArray[np.int64]:
    """The permutation of `size` images in which `epoch` (from 0) visits them."""
    return np.random.default_rng([seed, epoch]).permutation(size)
