"""What moves the weights in a step: the recipe."""

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

    MXNet's own keeps the rate inside the momentum buffer, which differs as soon as the rate
    changes.
    """

    def __init__(self, recipe: Recipe, learning_rate: float) -> None:
        # The base class spares biases its own weight decay.
        super().__init__(learning_rate=learning_rate, wd=0.0)
        self.recipe = recipe
        self.buffers: dict[int, np.ndarray] = {}

    def create_state(self, index: int, weight: np.ndarray) -> np.ndarray | None:
        """The momentum buffer of a weight, if there is momentum."""
        if not self.recipe.momentum:
            return None
        return self.buffers.setdefault(index, np.zeros_like(weight.as_np_ndarray()))

    def update(
        self, index: int, weight: np.ndarray, grad: np.ndarray, state: np.ndarray | None
    ) -> None:
        """Move one weight."""
        # `gluon.Trainer` hands over legacy arrays, whose memory these share.
        array, move, recipe = weight.as_np_ndarray(), grad.as_np_ndarray(), self.recipe
        if recipe.weight_decay:
            move = move + recipe.weight_decay * array
        if state is not None:
            state *= recipe.momentum
            state += move
            move = move + recipe.momentum * state if recipe.nesterov else state
        if array.dtype == numpy.float32:
            # One operator, which tells in small batches; it keeps the rate in float32.
            move = move.as_nd_ndarray()
            mxnet.nd.sgd_update(weight, move, lr=self.learning_rate, wd=0, out=weight)
        else:
            array -= self.learning_rate * move
