"""The optimizer of a training step: SGD by the recipe, or the model's own."""

from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from numpy.typing import NDArray

from anynet_jax.model import Classifier
from anynet_jax.weights import to_canonical
from common.chapter import overrides_optimizer
from common.errors import BackendError, WeightsError
from common.training import Recipe, own_optimizer
from common.weights import MOMENTUM, OWN

__all__ = ["load_own", "make_optimizer", "own_arrays", "recipe_arrays"]


def make_optimizer(model: Classifier, recipe: Recipe) -> tuple[optax.GradientTransformation, bool]:
    """The optimizer of `model`, and whether it is its own, by `configure_optimizers`.

    A step subtracts the learning rate times its updates from the weights; for the model's own
    optimizer that rate is 1. Raises `ConfigError` for a recipe beside one, `BackendError` for what
    is no optimizer.
    """
    if not overrides_optimizer(model):
        return _of_recipe(recipe), False
    own = own_optimizer(model, recipe)
    if not isinstance(own, optax.GradientTransformation):
        raise BackendError(
            "configure_optimizers: must return an optax.GradientTransformation; "
            f"got {type(own).__name__}"
        )
    return optax.chain(own, optax.scale(-1.0)), True


@cache
def _of_recipe(recipe: Recipe) -> optax.GradientTransformation:
    """The recipe's SGD without its learning rate, one object for all equal recipes.

    It is a static argument of the compiled step, so that equal recipes share one compilation.
    """
    momentum = optax.trace(recipe.momentum, recipe.nesterov)
    return optax.chain(
        optax.add_decayed_weights(recipe.weight_decay),
        momentum if recipe.momentum else optax.identity(),
    )


def recipe_arrays(state: optax.OptState) -> dict[str, NDArray[Any]]:
    """Copies of a recipe's momentum buffers, named as in a training state."""
    trace = state[1]
    buffers = to_canonical(trace.trace) if isinstance(trace, optax.TraceState) else {}
    return {name + MOMENTUM: array for name, array in buffers.items()}


def own_arrays(state: optax.OptState) -> dict[str, NDArray[Any]]:
    """Copies of the state of a model's own optimizer, by the index of each leaf."""
    leaves = jax.tree.leaves(state)
    return {f"{OWN}{index}": _to_numpy(leaf) for index, leaf in enumerate(leaves)}


def load_own(state: optax.OptState, arrays: dict[str, NDArray[Any]]) -> optax.OptState:
    """`state` with the values that `own_arrays` returned, by names without the beginning `OWN`.

    Raises `WeightsError` for arrays of another optimizer.
    """
    leaves, structure = jax.tree.flatten(state)
    expected = {str(index): tuple(leaf.shape) for index, leaf in enumerate(leaves)}
    found = {name: array.shape for name, array in arrays.items()}
    if found != expected:
        raise WeightsError(
            f"state: an optimizer's arrays must be those of configure_optimizers, "
            f"{len(expected)} in number; got {len(found)}, or others in shape"
        )
    return structure.unflatten(
        jnp.asarray(arrays[str(index)], leaf.dtype) for index, leaf in enumerate(leaves)
    )


def _to_numpy(leaf: Any) -> NDArray[Any]:
    if jnp.issubdtype(leaf.dtype, jax.dtypes.extended):
        raise BackendError(
            f"configure_optimizers: the optimizer must keep arrays of numbers; got {leaf.dtype}"
        )
    return np.array(leaf, np.float32 if leaf.dtype == jnp.bfloat16 else None)
