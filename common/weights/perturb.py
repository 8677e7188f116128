"""Weights moved by a few ulps, to see what rounding alone does to a network or a run."""

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
    """Every weight `ulps` ulps of `precision` up or down, as seed `draw` says.

    Running statistics stay as they are. float32 weights moved by float32 ulps fit float32 again.
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
