"""The optimizer of a training step: the recipe's."""

from collections.abc import Iterable

import mxnet
import numpy
from mxnet import np
from mxnet.gluon import Parameter

from anynet_mx.model import Classifier
from common.training import Recipe, refuse_optimizer
from common.weights import MOMENTS, MOMENTUM

__all__ = ["SGD", "AdamW", "clip_gradients", "make_optimizer"]


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
