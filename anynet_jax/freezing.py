"""Frozen parts of a Flax network: their weights apart, and their batch norms in evaluation mode."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import flax.linen as nn
from flax.traverse_util import flatten_dict, unflatten_dict

from anynet_jax.layers import BatchNorm
from anynet_jax.weights import canonical_name
from common.weights import part_of

__all__ = ["frozen_norms", "joined_parts", "split_parts"]


def split_parts(tree: Any, frozen: frozenset[str]) -> tuple[Any, Any]:
    """A tree of parameters or statistics in two: without and with the frozen parts alone."""
    if not frozen:
        return tree, {}
    leaves: tuple[dict[Any, Any], dict[Any, Any]] = {}, {}
    for path, leaf in flatten_dict(tree).items():
        leaves[part_of(canonical_name(path)) in frozen][path] = leaf
    changing, fixed = map(unflatten_dict, leaves)
    return changing, fixed


def joined_parts(changing: Any, fixed: Any) -> Any:
    """The tree that `split_parts` took apart."""
    if not fixed:
        return changing
    return unflatten_dict(flatten_dict(changing) | flatten_dict(fixed))


@contextmanager
def frozen_norms(frozen: frozenset[str]) -> Iterator[None]:
    """Context in which batch norms of frozen parts use the running statistics, and keep them."""

    def call(
        method: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], context: Any
    ) -> Any:
        module = context.module
        is_norm = isinstance(module, BatchNorm | nn.BatchNorm)
        if is_norm and part_of(canonical_name([*module.path, ""])) in frozen:
            kwargs = {**kwargs, "use_running_average": True}
        return method(*args, **kwargs)

    if not frozen:
        yield
        return
    with nn.intercept_methods(call):
        yield
