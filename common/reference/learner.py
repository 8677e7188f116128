"""A training step: the recipe's formula, array by array."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.data import Preprocessing, check_resized, resize_matrix
from common.data.mixup import mixed
from common.errors import BackendError, shown
from common.reference.network import Network, get_weights, gradients, layer_outputs, set_weights
from common.training import (
    CHAPTER_RECIPE,
    Device,
    Precision,
    Recipe,
    StepInputs,
    as_preprocessing,
)
from common.weights import MOMENTUM


class Learner:
    """One network being trained, step by step, in float64 on the CPU.

    It has the interface of `common.training.Learner`. `preprocessing` says how pixels become the
    network's input, or is the shape (channels, height, width) of it. Raises `BackendError` for
    another precision or device.
    """

    def __init__(
        self,
        model: Network,
        preprocessing: Preprocessing | tuple[int, int, int],
        recipe: Recipe = CHAPTER_RECIPE,
        device: Device = "auto",
        precision: Precision = "float64",
    ) -> None:
        if precision != "float64" or device == "gpu":
            raise BackendError(
                "reference: precision must be 'float64' and device 'cpu' or 'auto'; "
                f"got {shown(precision)} and {shown(device)}"
            )
        self.network: Any = model
        self._preprocessing = as_preprocessing(preprocessing)
        classes = model.spec.num_classes
        self._inputs = StepInputs.of(model, self._preprocessing, classes, recipe, precision)
        self._recipe = recipe
        self._buffers: dict[str, NDArray[Any]] = {}

    def train_step(
        self,
        images: NDArray[Any],
        labels: NDArray[Any],
        learning_rate: float,
        shares: NDArray[Any] | None = None,
    ) -> tuple[float, int]:
        """Take one step; the mean loss before it, in nats, and the number of correct images.

        With gradient g, weight decay d, momentum m and learning rate r, for every parameter w:

            move = g + d * w
            v = m * v + move                                 the buffer, 0 in the beginning
            w = w - r * (move + m * v if nesterov else v)    without momentum: w - r * move

        Images are uint8 (N, C, H, W) of any size, or prepared floats; labels are integers (N,) or
        target probabilities (N, classes); both are mixed by `shares`. The loss is NaN when a
        running statistic is not finite after the step, or in a network without batch norms, a
        weight.
        """
        images, labels, *mixing = self._inputs.batch(images, labels, shares)
        x = self._prepared(images)
        if mixing:
            x = mixed(x, *mixing)
        step, recipe = gradients(self.network, x, labels), self._recipe
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
        expected = labels if labels.ndim == 1 else labels.argmax(1)
        return loss, int((step.logits.argmax(1) == expected).sum())

    def eval_step(self, images: NDArray[Any]) -> NDArray[Any]:
        """Logits (N, classes) in evaluation mode, for images as `train_step` takes them."""
        images = self._inputs.images(images)
        return layer_outputs(self.network, self._prepared(images))["head.fc"]

    def _prepared(self, images: NDArray[Any]) -> NDArray[np.float64]:
        """Images resized bilinearly, and then `(x * scale - mean) / std` per channel.

        Floats are prepared already.
        """
        if images.dtype.kind == "f":
            return images
        seen = self._preprocessing
        check_resized(images.shape[2:], seen)
        x: NDArray[np.float64] = images.astype(np.float64) / 255
        height, width = images.shape[2:]
        if (height, width) != seen.size:
            rows, columns = resize_matrix(height, seen.size[0]), resize_matrix(width, seen.size[1])
            x = rows @ (x @ columns.T)
        if seen.is_plain:
            return x
        mean, std = (np.array(values)[:, None, None] for values in (seen.mean, seen.std))
        normalised: NDArray[np.float64] = (x * (255 * seen.scale) - mean) / std
        return normalised

    def state(self) -> dict[str, NDArray[Any]]:
        """Copies of all arrays by name; the name of a momentum buffer ends in `.momentum`."""
        buffers = {name + MOMENTUM: buffer.copy() for name, buffer in self._buffers.items()}
        return get_weights(self.network) | buffers

    def load_state(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Put back what `state` returned, or weights alone, for which momentum starts at zero."""
        set_weights(self.network, {k: v for k, v in arrays.items() if not k.endswith(MOMENTUM)})
        self._buffers = {
            name.removesuffix(MOMENTUM): array.astype(np.float64)
            for name, array in arrays.items()
            if name.endswith(MOMENTUM)
        }
