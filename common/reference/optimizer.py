"""What a step does to the weights: the formulas of `Recipe`, array by array."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.reference.layers import Gradients
from common.training import Recipe
from common.weights import AVERAGE, MOMENTS, MOMENTUM, STEPS

Array = NDArray[Any]


class Optimizer:
    """SGD or AdamW of a recipe, with its clipping and averaging, in float64.

    Averages begin as `arrays`, the weights and running statistics of the network.
    """

    def __init__(self, recipe: Recipe, arrays: Mapping[str, Array]) -> None:
        self._recipe = recipe
        self._buffers: dict[str, Array] = {}
        self._steps = 0
        self.averages: dict[str, Array] = dict(arrays) if recipe.ema_decay else {}

    def update(self, arrays: dict[str, Array], gradients: Gradients, learning_rate: float) -> None:
        """Replace every parameter in `arrays` that has a gradient."""
        self._steps += 1
        for name, gradient in self._clipped(gradients).items():
            step = self._adamw if self._recipe.optimizer == "adamw" else self._sgd
            arrays[name] = step(name, arrays[name], gradient, learning_rate)

    def average(self, arrays: Mapping[str, Array]) -> None:
        """Move the averages towards weights and running statistics after a step."""
        new = 1 - self._recipe.ema_decay
        for name, average in self.averages.items():
            self.averages[name] = average + new * (arrays[name] - average)

    def state(self) -> dict[str, Array]:
        """Copies of all arrays under the names of a training state."""
        averages = {name + AVERAGE: array for name, array in self.averages.items()}
        steps = {STEPS: np.array(self._steps)} if self._recipe.optimizer == "adamw" else {}
        return {name: array.copy() for name, array in (self._buffers | averages | steps).items()}

    def load_state(self, state: Mapping[str, Array], arrays: Mapping[str, Array]) -> None:
        """Restore the optimizer's arrays in `state`; the network has `arrays`."""
        endings = (MOMENTUM, *MOMENTS)
        self._buffers = {
            name: array.astype(np.float64)
            for name, array in state.items()
            if name.endswith(endings)
        }
        self._steps = int(state.get(STEPS, np.array(0)))
        self.averages = {
            name: state.get(name + AVERAGE, array).astype(np.float64)
            for name, array in arrays.items()
            if self._recipe.ema_decay
        }

    def _clipped(self, gradients: Gradients) -> Gradients:
        if not self._recipe.clip_norm:
            return gradients
        norm = np.sqrt(sum(float((gradient**2).sum()) for gradient in gradients.values()))
        factor = self._recipe.clip_norm / max(norm, self._recipe.clip_norm)
        return {name: factor * gradient for name, gradient in gradients.items()}

    def _sgd(self, name: str, weight: Array, gradient: Array, learning_rate: float) -> Array:
        recipe = self._recipe
        move = gradient + recipe.weight_decay * weight
        if recipe.momentum:
            buffer = recipe.momentum * self._buffers.get(name + MOMENTUM, 0.0) + move
            self._buffers[name + MOMENTUM] = buffer
            move = move + recipe.momentum * buffer if recipe.nesterov else buffer
        return weight - learning_rate * move

    def _adamw(self, name: str, weight: Array, gradient: Array, learning_rate: float) -> Array:
        recipe, unbiased = self._recipe, []
        for ending, beta, value in zip(
            MOMENTS, (recipe.beta1, recipe.beta2), (gradient, gradient**2), strict=True
        ):
            moment = beta * self._buffers.get(name + ending, 0.0) + (1 - beta) * value
            self._buffers[name + ending] = moment
            unbiased.append(moment / (1 - beta**self._steps))
        first, second = unbiased
        weight = weight - learning_rate * recipe.weight_decay * weight
        return weight - learning_rate * first / (np.sqrt(second) + recipe.epsilon)
