"""The optimizer of a training step: the recipe's."""

import logging
from typing import Any

import keras
import tensorflow as tf
from numpy.typing import NDArray

from anynet_tf.model import Classifier
from anynet_tf.weights import canonical_array, described, named_variables, native_array
from common.chapter import refuse_overrides
from common.errors import BackendError
from common.training import Recipe, refuse_optimizer
from common.weights import AVERAGE, MOMENTS, MOMENTUM, FittedState, averaged_names

__all__ = ["AdamW", "Average", "CoupledSGD", "clipped", "make_optimizer", "recipe_variables"]

_warn = logging.getLogger("anynet").warning

_KERAS_HOOKS = dict.fromkeys(
    ("train_step", "test_step", "compute_loss", "compute_metrics"),
    "Keras's own fit calls it; override loss or call, or train by fit",
)


def make_optimizer(model: Classifier, recipe: Recipe) -> "CoupledSGD | AdamW":
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
    if recipe.optimizer == "adamw":
        return AdamW(model.lr, recipe.beta1, recipe.beta2, recipe.epsilon, recipe.weight_decay)
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


@keras.saving.register_keras_serializable(package="anynet")
class AdamW(keras.optimizers.Adam):
    """AdamW in PyTorch's convention.

    Keras's own adds epsilon before it corrects the bias of the second moment. `iterations` is the
    number of steps, the present one included.
    """

    def __init__(
        self,
        learning_rate: float = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        decoupled_decay: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, beta_1, beta_2, epsilon, **kwargs)
        self.decoupled_decay = decoupled_decay

    def update_step(
        self, gradient: tf.Tensor, variable: keras.Variable, learning_rate: tf.Tensor
    ) -> None:
        """Update one variable and its moments."""
        index = self._get_variable_index(variable)
        first, second = self._momentums[index], self._velocities[index]
        self.assign_add(first, (1 - self.beta_1) * (gradient - first))
        self.assign_add(second, (1 - self.beta_2) * (gradient * gradient - second))
        move = first / self._correction(self.beta_1, gradient.dtype)
        root = tf.sqrt(second / self._correction(self.beta_2, gradient.dtype))
        decay = learning_rate * self.decoupled_decay * variable
        self.assign_sub(variable, decay + learning_rate * move / (root + self.epsilon))

    def _correction(self, beta: float, dtype: tf.DType) -> tf.Tensor:
        """`1 - beta^t`, whose digits float32 would lose."""
        steps = tf.cast(tf.convert_to_tensor(self.iterations), tf.float64)
        return tf.cast(1 - tf.pow(tf.constant(beta, tf.float64), steps), dtype)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), "decoupled_decay": self.decoupled_decay}


def clipped(gradients: list[tf.Tensor], clip_norm: float) -> list[tf.Tensor]:
    """Gradients scaled so that their common norm is at most `clip_norm`, if it is not 0."""
    return tf.clip_by_global_norm(gradients, clip_norm)[0] if clip_norm else gradients


def recipe_variables(optimizer: CoupledSGD | AdamW) -> dict[str, list[keras.Variable]]:
    """The optimizer's variables, by the suffix of their names in a training state."""
    if isinstance(optimizer, AdamW):
        return dict(zip(MOMENTS, (optimizer._momentums, optimizer._velocities), strict=True))
    return {MOMENTUM: optimizer.momentums}


class Average:
    """Averages of a network's weights and running statistics over the steps.

    Without a `decay` there are none.
    """

    def __init__(self, network: Classifier, decay: float) -> None:
        self._network, self._new = network, 1 - decay
        named = named_variables(network)
        names = averaged_names(described(network)) if decay else []
        self.arrays = {
            name: tf.Variable(tf.convert_to_tensor(named[name]), trainable=False) for name in names
        }

    def update(self) -> None:
        """Move the averages towards the weights after a step."""
        named = named_variables(self._network) if self.arrays else {}
        for name, average in self.arrays.items():
            average.assign_add(self._new * (tf.convert_to_tensor(named[name]) - average))

    def logits(self, x: tf.Tensor) -> tf.Tensor:
        """Logits in evaluation mode, by the averages if there are any."""
        network = self._network
        if not self.arrays:
            return network(x, training=False)
        named = named_variables(network)
        averages = {id(named[name]): average for name, average in self.arrays.items()}
        variables = network.trainable_variables, network.non_trainable_variables
        values = ([averages.get(id(v), v.value) for v in group] for group in variables)
        return network.stateless_call(*values, x, training=False)[0]

    def state(self) -> dict[str, NDArray[Any]]:
        """Copies of the averages, named as in a training state."""
        return {name + AVERAGE: canonical_array(average) for name, average in self.arrays.items()}

    def load(self, fitted: FittedState) -> None:
        """Restore what `state` returned; without averages they start as the weights."""
        arrays = fitted.average or fitted.weights
        for name, average in self.arrays.items():
            average.assign(native_array(arrays[name]))
