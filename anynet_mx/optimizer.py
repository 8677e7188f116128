"""The optimizer of a training step: the recipe's."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import mxnet
import numpy
from mxnet import np
from mxnet.gluon import Parameter
from numpy.typing import NDArray

from anynet_mx.model import Classifier
from anynet_mx.weights import described, named_arrays
from common.training import Recipe, refuse_optimizer
from common.weights import AVERAGE, MOMENTS, MOMENTUM, FittedState, averaged_names

__all__ = ["SGD", "AdamW", "Average", "clip_gradients", "make_optimizer"]


def make_optimizer(model: Classifier, recipe: Recipe) -> "SGD | AdamW":
    """The recipe's optimizer. Raises `BackendError` for a model with `configure_optimizers`."""
    refuse_optimizer(model, "MXNet")
    return (AdamW if recipe.optimizer == "adamw" else SGD)(recipe, model.lr)


class SGD(mxnet.optimizer.Optimizer):
    """Stochastic gradient descent in PyTorch's convention.

    Weight decay is coupled, and momentum buffers accumulate gradients. MXNet's own SGD multiplies
    by the learning rate before it accumulates, which differs as soon as the rate changes.
    """

    def __init__(self, recipe: Recipe, learning_rate: float) -> None:
        # The base class does not apply its weight decay to biases, so it is given none.
        super().__init__(learning_rate=learning_rate, wd=0.0)
        self.recipe = recipe
        self.buffers: dict[str, dict[int, np.ndarray]] = {ending: {} for ending in recipe.buffers}

    def create_state(self, index: int, weight: np.ndarray) -> np.ndarray | None:
        """The momentum buffer of a weight, `None` without momentum."""
        if not self.buffers:
            return None
        return self.buffers[MOMENTUM].setdefault(index, np.zeros_like(weight.as_np_ndarray()))

    def update(
        self, index: int, weight: np.ndarray, grad: np.ndarray, state: np.ndarray | None
    ) -> None:
        """Update one weight and its momentum buffer, in place."""
        # `gluon.Trainer` passes legacy arrays; these views share their memory.
        array, move, recipe = weight.as_np_ndarray(), grad.as_np_ndarray(), self.recipe
        if recipe.weight_decay:
            move = move + recipe.weight_decay * array
        if state is not None:
            state *= recipe.momentum
            state += move
            move = move + recipe.momentum * state if recipe.nesterov else state
        if array.dtype == numpy.float32:
            # One fused operator, which is faster in small batches; it rounds the rate to float32.
            move = move.as_nd_ndarray()
            mxnet.nd.sgd_update(weight, move, lr=self.learning_rate, wd=0, out=weight)
        else:
            array -= self.learning_rate * move


class AdamW(mxnet.optimizer.Optimizer):
    """AdamW in PyTorch's convention.

    MXNet's own Adam adds epsilon before it corrects the bias of the second moment, and its AdamW
    corrects none. `steps` is their number, the present one included; the learner counts them.
    """

    def __init__(self, recipe: Recipe, learning_rate: float) -> None:
        super().__init__(learning_rate=learning_rate, wd=0.0)
        self.recipe, self.steps = recipe, 0
        self.buffers: dict[str, dict[int, np.ndarray]] = {ending: {} for ending in MOMENTS}

    def create_state(self, index: int, weight: np.ndarray) -> tuple[np.ndarray, ...]:
        """The two moments of a weight."""
        array = weight.as_np_ndarray()
        return tuple(
            moments.setdefault(index, np.zeros_like(array)) for moments in self.buffers.values()
        )

    def update(
        self, index: int, weight: np.ndarray, grad: np.ndarray, state: tuple[np.ndarray, ...]
    ) -> None:
        """Update one weight and its moments, in place."""
        # `gluon.Trainer` passes legacy arrays; these views share their memory.
        array, move, recipe = weight.as_np_ndarray(), grad.as_np_ndarray(), self.recipe
        first, second = state
        first += (1 - recipe.beta1) * (move - first)
        second += (1 - recipe.beta2) * (move * move - second)
        root = np.sqrt(second / (1 - recipe.beta2**self.steps))
        array -= self.learning_rate * recipe.weight_decay * array
        rate = self.learning_rate / (1 - recipe.beta1**self.steps)
        array -= rate * first / (root + recipe.epsilon)


def clip_gradients(parameters: Iterable[Parameter], clip_norm: float) -> None:
    """Scale all gradients so that their common norm is at most `clip_norm`, on the device."""
    gradients = [parameter.grad() for parameter in parameters]
    norm = np.sqrt(sum((gradient * gradient).sum() for gradient in gradients))
    factor = np.minimum(clip_norm / norm, 1)
    for gradient in gradients:
        gradient *= factor


class Average:
    """Averages of a network's weights and running statistics over the steps.

    Without a `decay` there are none.
    """

    def __init__(self, network: Classifier, decay: float) -> None:
        self._network, self._new = network, 1 - decay
        named = named_arrays(network)
        names = averaged_names(described(network)) if decay else []
        self.arrays = {name: named[name].copy() for name in names}

    def update(self) -> None:
        """Move the averages towards the weights after a step."""
        named = named_arrays(self._network) if self.arrays else {}
        for name, average in self.arrays.items():
            average += self._new * (named[name] - average)

    @contextmanager
    def used(self) -> Iterator[None]:
        """Context in which the network has the averages in place of its weights."""
        named = named_arrays(self._network) if self.arrays else {}
        plain = {name: named[name].copy() for name in self.arrays}
        for name, average in self.arrays.items():
            average.copyto(named[name])
        try:
            yield
        finally:
            for name, array in plain.items():
                array.copyto(named[name])

    def state(self) -> dict[str, NDArray[Any]]:
        """Copies of the averages, named as in a training state."""
        return {name + AVERAGE: average.asnumpy() for name, average in self.arrays.items()}

    def load(self, fitted: FittedState) -> None:
        """Restore what `state` returned; without averages they start as the weights."""
        arrays = fitted.average or fitted.weights
        for name, average in self.arrays.items():
            average[:] = np.array(arrays[name], dtype=average.dtype)
