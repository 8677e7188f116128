"""Numbers that all four frameworks must share, each with its source."""

from typing import Final

import numpy as np

BN_EPSILON: Final = 1e-5
"""Added to the variance inside the square root of batch norm (PyTorch, pycls)."""

BN_MOMENTUM: Final = 0.1
"""Weight of the *new* batch in the running statistics; Keras, Flax and MXNet name 1 - 0.1.

The running variance averages the biased batch variance, the one that normalises the batch.
"""

DEFAULT_IMAGE_SIZE: Final = 96
"""Side in pixels to which the chapter resizes Fashion-MNIST (section 8.8.4)."""

IMAGENET_IMAGE_SIZE: Final = 224
"""Side in pixels at which the RegNet paper trains and counts."""


def shared_momentum(momentum: float) -> float:
    """The weight of the new batch in a running average, as every framework can hold it.

    MXNet's operator keeps the weight of the old average in float32; with this value, at most 3e-8
    from `momentum`, the running averages of all four agree to the last digits of float64.
    """
    return 1 - float(np.float32(1 - momentum))
