"""What the training loop asks of a framework."""

from typing import Any, Protocol, SupportsFloat

import numpy as np
from numpy.typing import NDArray


class Learner(Protocol):
    """One network being trained on one device.

    Images are uint8 (N, C, H, W) and labels int32 (N,), both in host memory; scaling and
    resizing happen on the device, inside the step.
    """

    def train_step(
        self, images: NDArray[np.uint8], labels: NDArray[np.int32], learning_rate: float
    ) -> tuple[SupportsFloat, SupportsFloat]:
        """Move the weights by one step; the mean loss and the number of correct images.

        Both may still be on their way: `float()` waits for them.
        """

    def predict(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Logits (N, classes) with the running statistics."""

    def state(self) -> dict[str, NDArray[Any]]:
        """Copies of all weights and statistics; momentum buffers end in `.momentum`."""

    def load_state(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Put back what `state` returned."""
