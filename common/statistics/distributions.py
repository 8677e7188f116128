"""Distributions of errors and of good networks' parameters, with bootstrap ranges."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

LEVEL: Final = 0.95
"""Confidence level of bands and ranges; tests have the significance level 1 - `LEVEL`."""

# SciPy's `bootstrap` gives the same ranges (a test compares them) but refuses a single network and
# draws of a quarter, and `ecdf` needs SciPy 1.11: both would replace some ten lines.


def distribution(errors: ArrayLike, grid: ArrayLike) -> Floats:
    """The empirical distribution function (EDF): the share of networks with an error of at most e.

    `errors` (n,) in any order; `grid` are the errors e. Returns shares of the shape of `grid`.
    """
    ordered = np.sort(np.asarray(errors, np.float64))
    return np.searchsorted(ordered, np.asarray(grid), side="right") / len(ordered)


def band(
    errors: ArrayLike, grid: ArrayLike, resamples: int = 2000, seed: int = 0
) -> tuple[Floats, Floats]:
    """Pointwise bootstrap band of the EDF: lower and upper ends of the shape of `grid`."""
    errors = np.asarray(errors, np.float64)
    stream = np.random.default_rng(seed)
    drawn = errors[stream.integers(len(errors), size=(resamples, len(errors)))]
    functions = np.stack([distribution(sample, grid) for sample in drawn])
    low, high = np.quantile(functions, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return low, high


def best_of(errors: ArrayLike, k: int) -> float:
    """Expected smallest error of `k` networks drawn with replacement, computed exactly."""
    ordered = np.sort(np.asarray(errors, np.float64))
    above = 1 - np.arange(len(ordered) + 1) / len(ordered)
    return float(np.sum(ordered * (above[:-1] ** k - above[1:] ** k)))


@dataclass(frozen=True)
class ConfidenceInterval:
    """A confidence range and the estimate inside it."""

    low: float
    middle: float
    high: float


def mean_error(errors: ArrayLike, resamples: int = 10_000, seed: int = 0) -> ConfidenceInterval:
    """The mean of the errors, with its bootstrap range."""
    errors = np.asarray(errors, np.float64)
    means = _resampled_means(errors, resamples, np.random.default_rng(seed))
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return ConfidenceInterval(float(low), float(errors.mean()), float(high))


def _resampled_means(errors: ArrayLike, resamples: int, stream: np.random.Generator) -> Floats:
    """Means of bootstrap resamples of the errors (resamples,)."""
    errors = np.asarray(errors, np.float64)
    drawn = errors[stream.integers(len(errors), size=(resamples, len(errors)))]
    return np.asarray(drawn.mean(1))


def mean_difference(
    first: Sequence[float], second: Sequence[float], seed: int = 0
) -> ConfidenceInterval:
    """The mean of `second` minus that of `first`, with its bootstrap range."""
    stream = np.random.default_rng(seed)
    before, after = (_resampled_means(errors, 10_000, stream) for errors in (first, second))
    low, high = np.quantile(after - before, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return ConfidenceInterval(float(low), float(np.mean(second) - np.mean(first)), float(high))


def good_range(
    values: ArrayLike, errors: ArrayLike, resamples: int = 10_000, seed: int = 0
) -> ConfidenceInterval:
    """The range of a parameter in good networks, by the paper's empirical bootstrap.

    Each resample draws a quarter of the networks with replacement and keeps the parameter's value
    of the best one. The range holds 95 % of these values; the middle is their median. `values` and
    `errors` (n,) belong to the same networks.
    """
    values, errors = np.asarray(values, np.float64), np.asarray(errors, np.float64)
    stream = np.random.default_rng(seed)
    drawn = stream.integers(len(errors), size=(resamples, max(1, len(errors) // 4)))
    best = values[drawn[np.arange(resamples), errors[drawn].argmin(1)]]
    low, middle, high = np.quantile(best, [(1 - LEVEL) / 2, 0.5, (1 + LEVEL) / 2])
    return ConfidenceInterval(float(low), float(middle), float(high))
