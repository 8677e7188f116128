"""Which design parameters matter for the error."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from common.statistics.distributions import LEVEL
from common.statistics.ped_anova import best_networks, counted, divergences, on_grid

SHUFFLES: Final = 9999
"""Random permutations of the errors that tell how important a parameter is by chance: enough for
one test among some hundreds to be significant after the correction."""

Designs = Sequence[Mapping[str, float]]
"""The design parameters of each network."""


@dataclass(frozen=True)
class Importance:
    """The importance of a design parameter for the error, beside what chance brings.

    - `share`: of the sum of all importances of a space.
    - `low`, `high`: the 95 % range of the same number when the errors are shuffled among the
      networks; it may exceed 1, since the sum stays that of the true errors.
    - `p_value`: of "the errors do not depend on the parameter", the share of permutations (random
      ones and the identity) in which it is at least as important. `find` corrects it for all tests.
    """

    share: float
    low: float
    high: float
    p_value: float


def importances(designs: Designs, errors: Sequence[float]) -> dict[str, float]:
    """The importance of each design parameter for the error; importances sum to 1.

    By PED-ANOVA (Watanabe et al., 2023): how much a parameter's distribution among the best tenth
    of the networks differs from that among all. Constant parameters are left out. The sum is 1 even
    if no parameter matters; `importance_tests` tells which ones do.
    """
    found = {
        name: float(divergences(*counts)[0]) for name, counts in _counts(designs, errors).items()
    }
    total = sum(found.values())
    shares = {name: value / total if total else 0.0 for name, value in found.items()}
    return dict(sorted(shares.items(), key=lambda item: -item[1]))


def importance_tests(
    designs: Designs, errors: Sequence[float], shuffles: int = SHUFFLES, seed: int = 0
) -> dict[str, Importance]:
    """The importances with their ranges by chance, the most important parameter first.

    The errors are shuffled `shuffles` times among the networks for each parameter.
    """
    stream = np.random.default_rng(seed)
    drawn = {}
    for name, (everything, best) in _counts(designs, errors).items():
        # Shuffled errors make any networks the best: as many as there are, drawn without return.
        chosen = stream.multivariate_hypergeometric(everything, int(best.sum()), shuffles)
        drawn[name] = divergences(everything, np.concatenate([best, chosen]))
    total = sum(float(values[0]) for values in drawn.values())
    if not total:
        return {name: Importance(0.0, 0.0, 0.0, 1.0) for name in drawn}
    return {
        name: _beside(drawn[name], total) for name in sorted(drawn, key=lambda one: -drawn[one][0])
    }


def _beside(values: NDArray[np.float64], total: float) -> Importance:
    """What the first of some divergences is beside the others."""
    low, high = np.quantile(values[1:], [(1 - LEVEL) / 2, (1 + LEVEL) / 2]) / total
    # Equal choices of networks have divergences that are equal but for rounding.
    reached = int((values >= values[0] * (1 - 1e-9)).sum())
    return Importance(float(values[0]) / total, float(low), float(high), reached / len(values))


def _counts(
    designs: Designs, errors: Sequence[float]
) -> dict[str, tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Where all networks, (50,), and the best, (1, 50), are on the grid of each parameter.

    Of the parameters that differ between the networks.
    """
    best, found = best_networks(errors), {}
    for name in designs[0]:
        values = [float(design[name]) for design in designs]
        if len(set(values)) > 1:
            points = on_grid(values)
            found[name] = counted(points), counted(points[best])[None]
    return found
