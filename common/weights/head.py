"""Heads of trained weights for other classes, or for classes in another order."""

from collections.abc import Sequence
from dataclasses import replace

from common.arch import AnyNetSpec
from common.weights.initial import Arrays, initial_weights


def new_head(
    spec: AnyNetSpec, arrays: Arrays, num_classes: int, seed: int = 0
) -> tuple[AnyNetSpec, Arrays]:
    """The same network with a new head for `num_classes` classes, drawn from `seed`."""
    spec = replace(spec, num_classes=num_classes)
    drawn = initial_weights(spec, seed)
    return spec, {name: drawn[name] if name.startswith("head.") else arrays[name] for name in drawn}


def reordered_head(arrays: Arrays, order: Sequence[int]) -> Arrays:
    """The same network, whose output `i` is the output `order[i]` of before."""
    return {
        name: array[list(order)] if name.startswith("head.") else array
        for name, array in arrays.items()
    }
