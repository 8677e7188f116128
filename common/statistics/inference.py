"""Tests of two samples of errors: of means, of location, of dominance and of equivalence."""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from common.statistics.distributions import Floats, distribution

RANGE: Final = (0.1, 0.9)
"""Shares of all networks of a pair between which dominance is tested.

No test can show dominance in the tails: there both curves approach 0 or 1.
"""

RESAMPLES: Final = 9999
"""Random permutations of a test of means."""

INTEREST: Final = 0.005
"""The smallest difference of mean errors of interest, unless another is given."""


def mean_test(
    first: ArrayLike, second: ArrayLike, seed: int = 0, resamples: int = RESAMPLES
) -> tuple[float, float]:
    """The mean of `second` minus that of `first`, and its p-value by permutations, two-sided.

    The p-value is the share of permutations of all errors, random ones and the identity, whose
    difference is at least as large, relative to its standard error. So it is exact for equal
    distributions, and for large samples a test of equal means, whatever else differs (Janssen,
    1997).
    """
    a, b = np.asarray(first, np.float64), np.asarray(second, np.float64)
    both, stream = np.concatenate([a, b]), np.random.default_rng(seed)
    difference = float(b.mean() - a.mean())
    if (both == both[0]).all():
        return 0.0, 1.0
    observed = float(_studentised(both[None], len(a))[0])
    reached, rows = 1, max(1, (1 << 20) // len(both))
    for start in range(0, resamples, rows):
        tiled = np.tile(both, (min(rows, resamples - start), 1))
        apart = _studentised(stream.permuted(tiled, axis=1), len(a))
        reached += int(np.count_nonzero(apart >= observed * (1 - 1e-9)))
    return difference, reached / (resamples + 1)


def _studentised(both: Floats, first: int) -> Floats:
    """|difference of the means| / its standard error, for rows (n,) whose `first` errors are a's.

    Infinite where errors differ only between the two groups.
    """
    a, b = both[:, :first], both[:, first:]
    # `var` divides by n; the variance of a mean is the sum of squares over n (n - 1).
    squares = a.var(1) / max(1, first - 1) + b.var(1) / max(1, b.shape[1] - 1)
    apart = np.abs(b.mean(1) - a.mean(1))
    found: Floats = np.divide(
        apart, np.sqrt(squares), out=np.full_like(apart, np.inf), where=squares > 0
    )
    return found


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


def equivalence(first: ArrayLike, second: ArrayLike, interest: float = INTEREST) -> float:
    """The p-value of "the means differ by `interest` or more".

    The larger p-value of two one-sided t-tests with Welch's degrees of freedom (Schuirmann, 1987).
    """
    from scipy.stats import t

    a, b = np.asarray(first, np.float64), np.asarray(second, np.float64)
    room = interest - abs(float(b.mean() - a.mean()))
    if min(len(a), len(b)) < 2:
        return 1.0
    squares = np.array([a.var(ddof=1) / len(a), b.var(ddof=1) / len(b)])
    if (a == a[0]).all() and (b == b[0]).all():
        return 0.0 if room > 0 else 1.0
    freedom = squares.sum() ** 2 / (squares**2 / [len(a) - 1, len(b) - 1]).sum()
    return float(t.sf(room / np.sqrt(squares.sum()), freedom))
