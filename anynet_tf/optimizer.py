"""The optimizer of a training step: SGD by the recipe."""

import logging
from typing import Any

import keras
import tensorflow as tf

from anynet_tf.model import Classifier
from common.chapter import refuse_overrides
from common.errors import BackendError
from common.training import Recipe, refuse_optimizer

__all__ = ["CoupledSGD", "make_optimizer"]

_warn = logging.getLogger("anynet").warning

_KERAS_HOOKS = dict.fromkeys(
    ("train_step", "test_step", "compute_loss", "compute_metrics"),
    "Keras's own fit calls it; override loss or call, or train by fit",
)


def make_optimizer(model: Classifier, recipe: Recipe) -> "CoupledSGD":
    """The recipe's optimizer.

    Raises `BackendError` for a model with its own `configure_optimizers`, or one that overrides a
    method that only Keras's own `fit` calls.
    """
    refuse_optimizer(model, "TensorFlow")
    refuse_overrides(model, _KERAS_HOOKS)
    if isinstance(model.loss, keras.losses.Loss):
        raise BackendError(
            "loss: must be a method; got a loss of Keras's, which takes labels first; call it in "
            "loss(self, logits, labels)"
        )
    if model.compiled:
        _warn(
            "model: what compile was given is for Keras's own fit; this training takes its recipe "
            "and the model's loss method"
        )
    return CoupledSGD(model.lr, recipe.momentum, recipe.nesterov, recipe.weight_decay)


@keras.saving.register_keras_serializable(package="anynet")
class CoupledSGD(keras.optimizers.SGD):
    """SGD in PyTorch's convention.

    Weight decay is coupled: `coupled_decay` times the weight is added to the gradient. Momentum
    buffers accumulate gradients, and the learning rate multiplies them afterwards.
    """

    def __init__(
        self,
        learning_rate: float = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        coupled_decay: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, float(momentum), nesterov, **kwargs)
        self.coupled_decay = coupled_decay

    def update_step(
        self, gradient: tf.Tensor, variable: keras.Variable, learning_rate: tf.Tensor
    ) -> None:
        """Update one variable and its momentum buffer."""
        if self.coupled_decay:
            gradient += self.coupled_decay * variable
        if self.momentum:
            buffer = self.momentums[self._get_variable_index(variable)]
            moved = self.momentum * buffer + gradient
            self.assign(buffer, moved)
            gradient = gradient + self.momentum * moved if self.nesterov else moved
        self.assign_sub(variable, learning_rate * gradient)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), "coupled_decay": self.coupled_decay}
