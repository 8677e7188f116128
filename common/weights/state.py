"""The arrays of a training state: weights, the optimizer's arrays, and averages."""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from common.errors import WeightsError
from common.weights.checks import (
    AVERAGE,
    MOMENTS,
    MOMENTUM,
    OWN,
    STEPS,
    ArrayInfo,
    fit_arrays,
)

_ENDINGS = (MOMENTUM, *MOMENTS, AVERAGE)


class FittedState(NamedTuple):
    """The arrays of a training state in the network's dtype, all by the weight's name."""

    weights: dict[str, NDArray[Any]]
    """Weights and running statistics."""
    buffers: dict[str, dict[str, NDArray[Any]]]
    """The optimizer's arrays, by the suffix of their names; empty for an optimizer that starts."""
    average: dict[str, NDArray[Any]]
    """Averages of weights and statistics; empty if the state has none."""
    steps: int
    """Steps that AdamW has taken."""


def fit_state(
    expected: Mapping[str, ArrayInfo],
    trained: Collection[str],
    arrays: object,
    kept: Collection[str] = (),
    averaged: bool = False,
) -> FittedState:
    """The arrays of a training state as `fit_arrays` converts them.

    - `expected`: of the network, by name.
    - `trained`: names of the weights that change.
    - `arrays`: the state. Its momentum buffers are checked even if the optimizer has none.
    - `kept`: suffixes of the names of the optimizer's arrays. The state has all or none of them.
    - `averaged`: whether the state may have averages.

    Raises `WeightsError`.
    """
    names = {str(name) for name in arrays} if isinstance(arrays, Mapping) else set[str]()
    found = {ending for ending in _ENDINGS if any(name.endswith(ending) for name in names)}
    every, has_moments = dict(expected), bool(set(MOMENTS) & {*found} or STEPS in names)
    endings = [MOMENTUM] if MOMENTUM in found else []
    if has_moments and set(MOMENTS) <= {*kept}:
        endings += MOMENTS
        every[STEPS] = ArrayInfo((), "int64")
    every |= {name + ending: expected[name] for ending in endings for name in trained}
    if averaged and AVERAGE in found:
        every |= {name + AVERAGE: expected[name] for name in averaged_names(expected)}
    fitting = fit_arrays(every, arrays, "state")
    steps = int(fitting.pop(STEPS, np.array(0)))
    if steps < 0:
        raise WeightsError(f"state: {STEPS} must be at least 0; got {steps}")
    buffers = {ending: {name: fitting.pop(name + ending) for name in trained} for ending in endings}
    average = {name: fitting.pop(name + AVERAGE) for name in expected if name + AVERAGE in fitting}
    return FittedState(
        fitting, {ending: buffers[ending] for ending in kept if ending in buffers}, average, steps
    )


def averaged_names(expected: Mapping[str, ArrayInfo]) -> list[str]:
    """Names of the arrays of a network that are averaged: all but integers."""
    return [name for name, info in expected.items() if info.dtype.startswith("float")]


def is_weight(name: str) -> bool:
    """Whether an array of a training state is a weight or running statistic, by its name."""
    return not name.endswith(_ENDINGS) and not name.startswith(OWN) and name != STEPS


def shown_weights(state: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The network that is validated and published: the averages of a state, or its weights."""
    return {
        name: state.get(name + AVERAGE, array) for name, array in state.items() if is_weight(name)
    }


def split_state(arrays: object) -> tuple[object, dict[str, NDArray[Any]]]:
    """A training state in two parts: without and with the arrays of a model's own optimizer.

    Names in the second part are without the prefix `OWN`.
    """
    if not isinstance(arrays, Mapping):
        return arrays, {}
    own = {str(name): array for name, array in arrays.items() if str(name).startswith(OWN)}
    rest = {name: array for name, array in arrays.items() if name not in own}
    return rest, {name.removeprefix(OWN): np.asarray(array) for name, array in own.items()}
