"""What the training loop asks of a framework."""

from typing import Any, Protocol, SupportsFloat

import numpy as np
from numpy.typing import NDArray

from common.training.config import Device, Precision
from common.training.recipe import CHAPTER_RECIPE, Recipe


class Learner(Protocol):
    """One network being trained on one device.

    Images are uint8 (N, C, H, W) and labels int32 (N,), both in host memory; scaling and
    resizing happen on the device, inside the step. `image_shape` is (channels, height, width) as
    the network sees images. Raises `BackendError` for a device or precision that is not there.
    """

    def __init__(
        self,
        model: Any,
        image_shape: tuple[int, int, int],
        recipe: Recipe = CHAPTER_RECIPE,
        device: Device = "auto",
        precision: Precision = "float32",
    ) -> None: ...

    @property
    def network(self) -> Any:
        """The network with its newest weights."""

    def train_step(
        self, images: NDArray[np.uint8], labels: NDArray[np.int32], learning_rate: float
    ) -> tuple[SupportsFloat, SupportsFloat]:
        """Move the weights by one step; the mean loss and the number of correct images.

        The loss is NaN when an array of the network is not finite afterwards.
        Both may still be on their way: `float()` waits for them.
        """

    def predict(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Logits (N, classes) with the running statistics."""

    def state(self) -> dict[str, NDArray[Any]]:
        """Copies of all weights and statistics; momentum buffers end in `.momentum`."""

    def load_state(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Put back what `state` returned."""
