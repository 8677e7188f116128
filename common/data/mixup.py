"""Mixup (Zhang et al., 2018): which images of a batch are mixed, and in which shares."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from common.data.augment import stream_of

_STREAM: Final = 12
"""Makes this random stream independent of others with the same seed."""


def draw_shares(
    alpha: float, seed: int, epoch: int, indices: NDArray[np.int64]
) -> NDArray[np.float64]:
    """How much of each image is its own, (N,), drawn from Beta(`alpha`, `alpha`).

    A share depends only on `seed`, `epoch` and the index of its image.
    """
    drawn = [
        stream_of(_STREAM, seed, epoch, index).beta(alpha, alpha) for index in indices.tolist()
    ]
    return np.array(drawn, np.float64)


def partners(count: int) -> NDArray[np.int64]:
    """The place of each image's partner in a batch of `count`: neighbours, 0 and 1, 2 and 3, ...

    The order of images is random, so neighbours are random pairs, other ones in each epoch. Pairs
    stay together when a batch is divided into parts of an even size, for example among devices. The
    last image of an odd batch is its own partner, and therefore not changed.
    """
    others: NDArray[np.int64] = np.minimum(np.arange(count) ^ 1, count - 1)
    return others


def mixed(values: NDArray[Any], shares: NDArray[Any]) -> NDArray[Any]:
    """`share * own + (1 - share) * partner's` of each row of `values` (N, ...).

    It is the definition of mixup for prepared images and for target probabilities.
    """
    column = shares.reshape(-1, *(1,) * (values.ndim - 1))
    result: NDArray[Any] = column * values + (1 - column) * values[partners(len(values))]
    return result
