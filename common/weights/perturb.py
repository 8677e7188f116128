"""Weights perturbed by a few ulps, to measure the effect of rounding on a network or a run."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.arch import AnyNetSpec, parameters


def perturb_weights(
    spec: AnyNetSpec,
    arrays: Mapping[str, NDArray[Any]],
    draw: int,
    ulps: int = 1,
    precision: str = "float32",
) -> dict[str, NDArray[np.float64]]:
    """Each parameter moved up or down at random by a number of ulps; float64 arrays.

    - `spec`, `arrays`: the network and its canonical arrays. Running statistics are not moved.
    - `draw`: the seed of the directions.
    - `ulps`: the distance, in units in the last place of `precision`.
    - `precision`: `float32` or `float64`. float32 weights moved by float32 ulps are exact in
      float32.
    """
    stream, moved = np.random.default_rng([4, draw]), {}
    for name, array in arrays.items():
        values = array.astype(np.float64)
        if name in parameters(spec):
            direction = stream.choice([-1.0, 1.0], array.shape)
            ulp = np.spacing(np.abs(array.astype(precision))).astype(np.float64)
            values = values + ulps * direction * ulp
        moved[name] = values
    return moved
