"""A training step: the recipe's formula, array by array."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.arch import parameters
from common.data import Preprocessing, check_resized, resize_matrix
from common.data.mixup import mixed
from common.errors import BackendError, shown
from common.reference.network import Network, get_weights, gradients, layer_outputs, set_weights
from common.reference.optimizer import Optimizer
from common.training import (
    CHAPTER_RECIPE,
    Device,
    Precision,
    Recipe,
    StepInputs,
    as_preprocessing,
    check_freeze,
)
from common.weights import is_weight


class Learner:
    """One network being trained, step by step, in float64 on the CPU.

    It has the interface of `common.training.Learner`. `preprocessing` says how pixels become the
    network's input, or is the shape (channels, height, width) of it. Raises `BackendError` for
    another precision or device, and for several.
    """

    def __init__(
        self,
        model: Network,
        preprocessing: Preprocessing | tuple[int, int, int],
        recipe: Recipe = CHAPTER_RECIPE,
        device: Device = "auto",
        precision: Precision = "float64",
        freeze: Sequence[str] = (),
        devices: int = 1,
    ) -> None:
        if precision != "float64" or device == "gpu" or devices != 1:
            raise BackendError(
                "reference: precision must be 'float64' and device 'cpu' or 'auto', alone; "
                f"got {shown(precision)} and {shown(device)} on {shown(devices)} devices"
            )
        self.network: Any = model
        self._preprocessing = as_preprocessing(preprocessing)
        classes = model.spec.num_classes
        self._inputs = StepInputs.of(model, self._preprocessing, classes, recipe, precision)
        self._frozen = check_freeze(freeze, parameters(model.spec))
        self._optimizer = Optimizer(recipe, model.arrays)

    def train_step(
        self,
        images: NDArray[Any],
        labels: NDArray[Any],
        learning_rate: float,
        shares: NDArray[Any] | None = None,
    ) -> tuple[float, int]:
        """Take one step; the mean loss before it, in nats, and the number of correct images.

        Every parameter w with gradient g moves as the formulas of `Recipe` say.

        Images are uint8 (N, C, H, W) of any size, or prepared floats; labels are integers (N,) or
        target probabilities (N, classes); both are mixed by `shares`. The loss is NaN when a
        running statistic is not finite after the step, or in a network without batch norms, a
        weight.
        """
        images, labels, *mixing = self._inputs.batch(images, labels, shares)
        x = self._prepared(images)
        if mixing:
            x = mixed(x, *mixing)
        step = gradients(self.network, x, labels, self._frozen)
        self._optimizer.update(self.network.arrays, step.gradients, learning_rate)
        self.network.arrays |= step.statistics
        self._optimizer.average(self.network.arrays)
        checked = step.statistics or self.network.arrays
        finite = all(np.isfinite(array).all() for array in checked.values())
        loss = step.loss if finite else float("nan")
        expected = labels if labels.ndim == 1 else labels.argmax(1)
        return loss, int((step.logits.argmax(1) == expected).sum())

    def eval_step(self, images: NDArray[Any]) -> NDArray[Any]:
        """Logits (N, classes) in evaluation mode, for images as `train_step` takes them.

        They are those of the averaged network if the recipe has an `ema_decay`.
        """
        images = self._inputs.images(images)
        arrays = self._optimizer.averages or self.network.arrays
        shown = replace(self.network, arrays=arrays)
        return layer_outputs(shown, self._prepared(images))["head.fc"]

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
        """Copies of all arrays by name, with those of the optimizer."""
        return get_weights(self.network) | self._optimizer.state()

    def load_state(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Put back what `state` returned, or weights alone, for which the optimizer starts anew."""
        set_weights(self.network, {k: v for k, v in arrays.items() if is_weight(k)})
        self._optimizer.load_state(arrays, self.network.arrays)
