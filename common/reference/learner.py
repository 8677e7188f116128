"""One training step: the recipe as it is written, on every array."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.data import resize_matrix
from common.errors import BackendError, shown
from common.reference.network import Network, get_weights, gradients, layer_outputs, set_weights
from common.training import CHAPTER_RECIPE, Device, Precision, Recipe
from common.weights import MOMENTUM


class Learner:
    """One network being trained, step by step.

    `image_shape` is (channels, height, width) as the network sees images. Raises `BackendError`
    for any precision but float64.
    """

    def __init__(
        self,
        model: Network,
        image_shape: tuple[int, int, int],
        recipe: Recipe = CHAPTER_RECIPE,
        device: Device = "auto",
        precision: Precision = "float64",
    ) -> None:
        if precision != "float64" or device == "gpu":
            raise BackendError(
                "reference: computes in float64 on the CPU; "
                f"got {shown(precision)} on {shown(device)}"
            )
        self.network: Any = model
        self._size = image_shape[1:]
        self._recipe = recipe
        self._buffers: dict[str, NDArray[Any]] = {}

    def train_step(
        self, images: NDArray[np.uint8], labels: NDArray[np.int32], learning_rate: float
    ) -> tuple[float, int]:
        """Move the weights by one step; the mean loss and the number of correct images.

        The loss is NaN when a running statistic is not finite afterwards, or a weight of a network
        without.
        """
        step, recipe = gradients(self.network, self._prepared(images), labels), self._recipe
        for name, gradient in step.gradients.items():
            weight = self.network.arrays[name]
            move = gradient + recipe.weight_decay * weight
            if recipe.momentum:
                buffer = recipe.momentum * self._buffers.get(name, 0.0) + move
                self._buffers[name] = buffer
                move = move + recipe.momentum * buffer if recipe.nesterov else buffer
            self.network.arrays[name] = weight - learning_rate * move
        self.network.arrays |= step.statistics
        checked = step.statistics or self.network.arrays
        finite = all(np.isfinite(array).all() for array in checked.values())
        loss = step.loss if finite else float("nan")
        return loss, int((step.logits.argmax(1) == labels).sum())

    def eval_step(self, images: NDArray[np.uint8]) -> NDArray[Any]:
        """Logits (N, classes) with the running statistics."""
        return layer_outputs(self.network, self._prepared(images))["head.fc"]

    def _prepared(self, images: NDArray[np.uint8]) -> NDArray[np.float64]:
        x = images.astype(np.float64) / 255
        height, width = images.shape[2:]
        if (height, width) == tuple(self._size):
            return x
        rows, columns = resize_matrix(height, self._size[0]), resize_matrix(width, self._size[1])
        resized: NDArray[np.float64] = rows @ (x @ columns.T)
        return resized

    def state(self) -> dict[str, NDArray[Any]]:
        """Copies of all weights and statistics; momentum buffers end in `.momentum`."""
        buffers = {name + MOMENTUM: buffer.copy() for name, buffer in self._buffers.items()}
        return get_weights(self.network) | buffers

    def load_state(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Put back what `state` returned."""
        set_weights(self.network, {k: v for k, v in arrays.items() if not k.endswith(MOMENTUM)})
        self._buffers = {
            name.removesuffix(MOMENTUM): array.astype(np.float64)
            for name, array in arrays.items()
            if name.endswith(MOMENTUM)
        }
