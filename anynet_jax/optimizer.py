"""The optimizer of a training step: the recipe's, or the model's own."""

from collections.abc import Callable
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from numpy.typing import NDArray

from anynet_jax.model import Classifier
from anynet_jax.weights import on_device, to_canonical
from common.chapter import overrides_optimizer
from common.errors import BackendError, WeightsError
from common.training import Recipe, own_optimizer
from common.weights import MOMENTS, MOMENTUM, OWN, STEPS, FittedState

__all__ = ["load_own", "load_recipe", "make_optimizer", "own_arrays", "recipe_arrays"]


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
    """The recipe's optimizer without its learning rate, one object for all equal recipes.

    It is a static argument of the compiled step, so that equal recipes share one compilation.
    """
    clipping = [optax.clip_by_global_norm(recipe.clip_norm)] if recipe.clip_norm else []
    decay = optax.add_decayed_weights(recipe.weight_decay)
    if recipe.optimizer == "adamw":
        moments = optax.scale_by_adam(recipe.beta1, recipe.beta2, recipe.epsilon)
        return optax.chain(*clipping, moments, decay)
    momentum = optax.trace(recipe.momentum, recipe.nesterov)
    return optax.chain(*clipping, decay, momentum if recipe.momentum else optax.identity())


def recipe_arrays(state: optax.OptState) -> dict[str, NDArray[Any]]:
    """Copies of the state of a recipe's optimizer, named as in a training state."""
    arrays: dict[str, NDArray[Any]] = {}
    for part in state:
        if isinstance(part, optax.TraceState):
            arrays |= _named(part.trace, MOMENTUM)
        elif isinstance(part, optax.ScaleByAdamState):
            arrays |= _named(part.mu, MOMENTS[0]) | _named(part.nu, MOMENTS[1])
            arrays[STEPS] = np.array(part.count, np.int64)
    return arrays


def load_recipe(
    state: optax.OptState, fitted: FittedState, placed: Callable[[dict[str, NDArray[Any]]], Any]
) -> optax.OptState:
    """`state` with the arrays that `recipe_arrays` returned, of which `placed` makes a tree."""
    trees = {ending: placed(arrays) for ending, arrays in fitted.buffers.items()}
    return tuple(_with_arrays(part, trees, fitted.steps) if trees else part for part in state)


def _with_arrays(part: Any, trees: dict[str, Any], steps: int) -> Any:
    if isinstance(part, optax.TraceState):
        return optax.TraceState(trees[MOMENTUM])
    if isinstance(part, optax.ScaleByAdamState):
        return optax.ScaleByAdamState(jnp.array(steps, jnp.int32), *map(trees.get, MOMENTS))
    return part


def _named(tree: Any, ending: str) -> dict[str, NDArray[Any]]:
    return {name + ending: array for name, array in to_canonical(tree).items()}


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
        on_device(arrays[str(index)], leaf.dtype) for index, leaf in enumerate(leaves)
    )


def _to_numpy(leaf: Any) -> NDArray[Any]:
    if jnp.issubdtype(leaf.dtype, jax.dtypes.extended):
        raise BackendError(
            f"configure_optimizers: the optimizer must keep arrays of numbers; got {leaf.dtype}"
        )
    return np.array(leaf, np.float32 if leaf.dtype == jnp.bfloat16 else None)
