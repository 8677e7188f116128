"""Numbers that all four frameworks must share, each with its source."""

from typing import Final

BN_EPSILON: Final = 1e-5
"""Added to the variance inside the square root of batch norm (PyTorch, pycls)."""

BN_MOMENTUM: Final = 0.1
"""Weight of the *new* batch in the running statistics; Keras, Flax and MXNet name 1 - 0.1.

The running variance averages the biased batch variance, the one that normalises the batch.
"""

DEFAULT_IMAGE_SIZE: Final = 96
"""Side in pixels to which the chapter resizes Fashion-MNIST (section 8.8.4)."""
