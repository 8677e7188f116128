"""The normalised EDF: spaces of different complexity made comparable by weights."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from common.errors import ConfigError
from common.statistics.distributions import Floats


@dataclass(frozen=True)
class Normalised:
    """The networks of several spaces, weighted so that their complexities are comparable.

    By space: `weights` (n,) of its networks (`complexity_weights`), how many `networks` have one,
    as how many equally weighted ones they count (`effective`, 1 / sum of squares), and their
    weighted `mean` error.
    """

    weights: dict[str, Floats]
    networks: dict[str, int]
    effective: dict[str, float]
    mean: dict[str, float]


def normalise(
    errors: Mapping[str, Sequence[float]], complexities: Mapping[str, Sequence[float]]
) -> Normalised:
    """Weigh the networks of each space by their complexity, such as their parameters.

    `errors` and `complexities` are of the same networks. Raises `ConfigError` if the complexities
    do not overlap.
    """
    weights = complexity_weights(complexities)
    return Normalised(
        weights,
        {name: int(np.count_nonzero(own)) for name, own in weights.items()},
        {name: float(1 / np.sum(own**2)) for name, own in weights.items()},
        {name: float(np.dot(own, errors[name])) for name, own in weights.items()},
    )


def complexity_weights(
    complexities: Mapping[str, Sequence[float]], bins: int = 10
) -> dict[str, Floats]:
    """Weights (n,) of each space's networks that make the spaces' complexities comparable.

    The range of complexities that all spaces share is cut into bins of equal width, and a network
    of a bin with m networks of its space has a weight proportional to 1 / m ("On Network Design
    Spaces for Visual Recognition", section 3.3). Bins that lack networks of a space count for none.
    Weights of a space sum to 1. Raises `ConfigError` if no bin has networks of all spaces.
    """
    values = {name: np.asarray(given, np.float64) for name, given in complexities.items()}
    low, high = max(v.min() for v in values.values()), min(v.max() for v in values.values())
    edges = np.linspace(low, max(low, high), bins + 1)
    places = {
        name: np.where(
            (low <= v) & (v <= high),
            np.clip(np.searchsorted(edges, v, "right") - 1, 0, bins - 1),
            -1,
        )
        for name, v in values.items()
    }
    counts = {name: np.bincount(p[p >= 0], minlength=bins) for name, p in places.items()}
    shared = np.all([count > 0 for count in counts.values()], axis=0)
    if not shared.any():
        raise ConfigError(
            "complexities: must overlap; got spaces without a common range; compare them within "
            "limits"
        )
    weights = {}
    for name, place in places.items():
        own = np.where(shared, 1 / np.maximum(1, counts[name]), 0.0) / shared.sum()
        weights[name] = np.where(place >= 0, own[place], 0.0)
    return weights


def weighted_distribution(errors: ArrayLike, weights: ArrayLike, grid: ArrayLike) -> Floats:
    """The normalised EDF: the sum of the weights of networks with an error of at most e.

    `errors` and `weights` (n,); `grid` are the errors e. Returns shares of the shape of `grid`.
    """
    order = np.argsort(np.asarray(errors, np.float64), kind="stable")
    ordered = np.asarray(errors, np.float64)[order]
    sums = np.concatenate([[0.0], np.cumsum(np.asarray(weights, np.float64)[order])])
    found: Floats = sums[np.searchsorted(ordered, np.asarray(grid), side="right")]
    return found
