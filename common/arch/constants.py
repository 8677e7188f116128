"""Constants that all four frameworks share, each with its source."""

from typing import Final

import numpy as np

BN_EPSILON: Final = 1e-5
"""Epsilon of batch norm, added to the variance under the square root (PyTorch, pycls)."""

BN_MOMENTUM: Final = 0.1
"""Momentum of batch norm in PyTorch's convention: the weight of the *new* batch.

Keras, Flax and MXNet call 1 - 0.1 the momentum. The running variance averages the biased variance
of the batches, with which training also normalises.
"""

DEFAULT_IMAGE_SIZE: Final = 96
"""Side in pixels of the chapter's resized Fashion-MNIST images (section 8.8.4)."""

IMAGENET_IMAGE_SIZE: Final = 224
"""Side in pixels of the RegNet paper's training images, for which it counts FLOPs."""


def shared_momentum(momentum: float) -> float:
    """`momentum` rounded so that 1 - momentum is a float32.

    MXNet's operator stores 1 - momentum in float32. With the rounded value, which differs from
    `momentum` by at most 3e-8, all four frameworks agree to the last digits of float64.
    """
    return 1 - float(np.float32(1 - momentum))
