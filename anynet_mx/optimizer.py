"""The optimizer of a training step: SGD by the recipe."""

import mxnet
import numpy
from mxnet import np

from anynet_mx.model import Classifier
from common.training import Recipe, refuse_optimizer

__all__ = ["SGD", "make_optimizer"]


def make_optimizer(model: Classifier, recipe: Recipe) -> "SGD":
    """The recipe's optimizer. Raises `BackendError` for a model with `configure_optimizers`."""
    refuse_optimizer(model, "MXNet")
    return SGD(recipe, model.lr)


class SGD(mxnet.optimizer.Optimizer):
    """Stochastic gradient descent in PyTorch's convention.

    Weight decay is coupled, and momentum buffers accumulate gradients. MXNet's own SGD multiplies
    by the learning rate before it accumulates, which differs as soon as the rate changes.
    """

    def __init__(self, recipe: Recipe, learning_rate: float) -> None:
        # The base class does not apply its weight decay to biases, so it is given none.
        super().__init__(learning_rate=learning_rate, wd=0.0)
        self.recipe = recipe
        self.buffers: dict[int, np.ndarray] = {}

    def create_state(self, index: int, weight: np.ndarray) -> np.ndarray | None:
        """The momentum buffer of a weight, `None` without momentum."""
        if not self.recipe.momentum:
            return None
        return self.buffers.setdefault(index, np.zeros_like(weight.as_np_ndarray()))

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
