"""Tests of means, of location and of dominance, beside the comparison of whole curves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from common.errors import ConfigError
from common.statistics.comparison import holm
from common.statistics.distributions import LEVEL, Floats, distribution

RANGE: Final = (0.1, 0.9)
"""Shares of all networks of a pair between which dominance is tested.

No test can show dominance in the tails: there both curves approach 0 or 1.
"""

_BETWEEN: Final = "from the {:.0f}th to the {:.0f}th percentile".format(*(100 * s for s in RANGE))

RESAMPLES: Final = 9999
"""Random permutations of a test of means."""


@dataclass(frozen=True)
class Inference:
    """Whether `second` is better than `first`, by three tests; p-values are Holm's for all of them.

    - `networks`: of `first` and of `second`.
    - `difference`: mean error of `second` minus that of `first`; `p_mean`: of "the distributions
      are equal", by a two-sided permutation test of that difference.
    - `chance`: the probability that a network of `second` has the smaller error, ties counting
      half; `p_location`: of "it is 1/2", by the two-sided Mann-Whitney test.
    - `better`: the space with the smaller mean; `p_dominance`: of "it does not dominate"
      (`dominance`).
    """

    first: str
    second: str
    networks: tuple[int, int]
    difference: float
    p_mean: float
    chance: float
    p_location: float
    better: str
    p_dominance: float

    @property
    def verdict(self) -> str:
        """What the tests show, in words."""
        other = self.first if self.better == self.second else self.second
        if self.p_dominance < 1 - LEVEL:
            return f"{self.better} majorises {other} {_BETWEEN}"
        if self.p_mean < 1 - LEVEL:
            return f"the mean error of {self.better} is smaller; dominance is not shown"
        if self.p_location < 1 - LEVEL:
            likely = self.second if self.chance > 0.5 else self.first
            return f"a network of {likely} is more often the better one; no more is shown"
        return "no difference shown"


def infer(
    errors: Mapping[str, Sequence[float]], pairs: Sequence[tuple[str, str]], seed: int = 0
) -> list[Inference]:
    """The three tests of every pair of spaces; all of them are one family (Holm)."""
    found: list[tuple[float, float, float]] = []
    p_values: list[float] = []
    for first, second in pairs:
        a, b = np.asarray(errors[first], float), np.asarray(errors[second], float)
        difference, p_mean = mean_test(a, b, seed)
        chance, p_location = location_test(a, b)
        p_values += [p_mean, p_location, dominance(*((b, a) if difference < 0 else (a, b)))]
        found.append((difference, chance, p_mean))
    corrected = holm(p_values)
    return [
        Inference(
            first,
            second,
            (len(errors[first]), len(errors[second])),
            difference,
            corrected[3 * number],
            chance,
            corrected[3 * number + 1],
            second if difference < 0 else first,
            corrected[3 * number + 2],
        )
        for number, ((first, second), (difference, chance, _)) in enumerate(
            zip(pairs, found, strict=True)
        )
    ]


def mean_test(
    first: ArrayLike, second: ArrayLike, seed: int = 0, resamples: int = RESAMPLES
) -> tuple[float, float]:
    """The mean of `second` minus that of `first`, and its p-value by permutations, two-sided.

    The p-value is the share of permutations of all errors, random ones and the identity, with a
    difference at least as large. It is exact for equal distributions.
    """
    a, b = np.asarray(first, np.float64), np.asarray(second, np.float64)
    both, stream = np.concatenate([a, b]), np.random.default_rng(seed)
    difference = float(b.mean() - a.mean())
    reached, rows = 1, max(1, (1 << 20) // len(both))
    for start in range(0, resamples, rows):
        tiled = np.tile(both, (min(rows, resamples - start), 1))
        second_sums = stream.permuted(tiled, axis=1)[:, len(a) :].sum(1)
        apart = second_sums / len(b) - (both.sum() - second_sums) / len(a)
        reached += int(np.count_nonzero(np.abs(apart) >= abs(difference) * (1 - 1e-12)))
    return difference, reached / (resamples + 1)


def location_test(first: ArrayLike, second: ArrayLike) -> tuple[float, float]:
    """The probability that `second` has the smaller error, and the two-sided Mann-Whitney test's p.

    Ties count half.
    """
    from scipy.stats import mannwhitneyu

    a, b = np.asarray(first, np.float64), np.asarray(second, np.float64)
    found = mannwhitneyu(a, b, alternative="two-sided")
    return float(found.statistic) / (len(a) * len(b)), float(found.pvalue)


def dominance(better: ArrayLike, worse: ArrayLike, shares: tuple[float, float] = RANGE) -> float:
    """The p-value of "somewhere in a range, the EDF of `better` is not above that of `worse`".

    The range is between two quantiles of all errors, by `shares`. At every error of it, the two
    shares of networks are compared by the one-sided score test of proportions; the largest p-value
    is valid for all errors at once, without correction (an intersection-union test; Davidson and
    Duclos, 2013). So dominance is what is shown, not what is assumed: of curves that are equal, or
    cross within the range, one is said to dominate in at most 5 % of draws.
    """
    from scipy.stats import norm

    a, b = np.asarray(better, np.float64), np.asarray(worse, np.float64)
    both = np.sort(np.concatenate([a, b]))
    low, high = np.quantile(both, shares, method="inverted_cdf")
    grid = both[(low <= both) & (both <= high)]
    ahead = distribution(a, grid) - distribution(b, grid)
    pooled = distribution(both, grid)
    deviation = np.sqrt(pooled * (1 - pooled) * (1 / len(a) + 1 / len(b)))
    # All networks of the pair may have the same error: then nothing is ahead.
    scores = np.divide(ahead, deviation, out=np.zeros_like(ahead), where=deviation > 0)
    return float(norm.sf(scores.min()))


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
