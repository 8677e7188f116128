"""How many networks a comparison needs, and how often its tests err: power and calibration."""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, pi
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from common.bounds import MAX_NETWORKS
from common.errors import ConfigError, shortened
from common.statistics.distributions import LEVEL, Floats, band, distribution, mean_error
from common.statistics.inference import (
    INTEREST,
    dominance,
    equivalence,
    location_test,
    mean_test,
)


@dataclass(frozen=True)
class Needed:
    """Networks per space for the wanted power, by what is to be shown.

    - `mean`: a difference of the means (permutation test, by its normal approximation).
    - `location`: a shift of normal distributions (Mann-Whitney; pi / 3 times as many).
    - `equivalence`: that equal means differ by less than the difference (two one-sided tests).
    """

    mean: int
    location: int
    equivalence: int


def networks_needed(
    difference: float, deviation: float, power: float = 0.8, tests: int = 1
) -> Needed:
    """Networks per space to find a difference of mean errors with the given power.

    `deviation` is the standard deviation of the errors within a space, and `tests` the number of
    tests that share the level of 5 % (Bonferroni). Raises `ConfigError`.
    """
    from scipy.stats import norm

    _check("difference", difference, 1e-9, 1)
    _check("deviation", deviation, 1e-9, 1)
    _check("power", power, 0.05, 0.9999)
    _check("tests", tests, 1, 1_000_000)
    level = (1 - LEVEL) / tests
    scale = 2 * (deviation / difference) ** 2
    mean = scale * (norm.isf(level / 2) + norm.ppf(power)) ** 2
    equivalence = scale * (norm.isf(level) + norm.ppf((1 + power) / 2)) ** 2
    needed = [max(2, ceil(count)) for count in (mean, mean * pi / 3, equivalence)]
    if max(needed) > MAX_NETWORKS:
        raise ConfigError(
            f"difference: must need at most {MAX_NETWORKS:,} networks per space; got "
            f"{max(needed):,}; look for a larger one"
        )
    return Needed(*needed)


def _check(name: str, value: float, low: float, high: float) -> None:
    if not low <= value:
        raise ConfigError(f"{name}: must be at least {low:g}; got {shortened(value)}")
    if not value <= high:
        raise ConfigError(f"{name}: must be at most {high:,g}; got {shortened(value)}")


Draw = Callable[[int, np.random.Generator], tuple[Floats, Floats]]


def _shifted(deviations: float) -> Draw:
    return lambda n, stream: (
        stream.normal(0.15, 0.01, n),
        stream.normal(0.15 - 0.01 * deviations, 0.01, n),
    )


def _spread(n: int, stream: np.random.Generator) -> tuple[Floats, Floats]:
    return stream.normal(0.15, 0.01, n), stream.normal(0.15, 0.02, n)


def _unequal(n: int, stream: np.random.Generator) -> tuple[Floats, Floats]:
    """Half as many networks of the second, whose errors vary twice as much."""
    return stream.normal(0.15, 0.01, n), stream.normal(0.15, 0.02, max(2, n // 2))


def _crossing(n: int, stream: np.random.Generator) -> tuple[Floats, Floats]:
    """The second is better up to the median and no better beyond it."""
    a, b = stream.normal(0.15, 0.01, (2, n))
    return a, np.where(b < 0.15, b - 0.005, b)


def _often_better(n: int, stream: np.random.Generator) -> tuple[Floats, Floats]:
    """Of the second, four fifths are better and the others much worse, with equal means."""
    good = stream.random(n) < 0.8
    second = np.where(good, stream.normal(0.14, 0.01, n), stream.normal(0.19, 0.02, n))
    return stream.normal(0.15, 0.01, n), second


SCENARIOS: Final[dict[str, tuple[Draw, float]]] = {
    "equal": (_shifted(0), 0.0),
    "equal means, twice the deviation": (_spread, 0.0),
    "equal means, twice the deviation, half as many": (_unequal, 0.0),
    "four fifths better, the others much worse, equal means": (_often_better, 0.0),
    "better up to the median only": (_crossing, -0.0025),
    "better by 0.25 deviations": (_shifted(0.25), -0.0025),
    "better by 0.5 deviations": (_shifted(0.5), -0.005),
    "better by 0.75 deviations": (_shifted(0.75), -0.0075),
    "better by 1 deviation": (_shifted(1), -0.01),
}
"""Pairs of spaces by name: how their errors are drawn, and the difference of their means."""

DOMINATED: Final = 5
"""So many scenarios, the first ones, have no dominance."""


@dataclass(frozen=True)
class Calibration:
    """Shares of draws of one scenario in which each test claims a difference at the 5 % level.

    `curves` is the two-sided Kolmogorov-Smirnov test, `equivalence` the claim that the means differ
    by less than 0.005, half a deviation of most scenarios, and `coverage` how often the 95 %
    interval of the difference of the means contains it.
    """

    scenario: str
    mean: float
    location: float
    curves: float
    dominance: float
    equivalence: float
    coverage: float


def calibrate(draws: int = 400, networks: int = 64, seed: int = 0) -> list[Calibration]:
    """Simulate every scenario: type I errors where nothing is to be found, power elsewhere.

    P-values are of one pair, uncorrected but for the two directions of Kolmogorov-Smirnov.
    """
    return [
        _calibrated(name, make, difference, draws, networks, np.random.default_rng([seed, number]))
        for number, (name, (make, difference)) in enumerate(SCENARIOS.items())
    ]


def _calibrated(
    name: str, make: Draw, difference: float, draws: int, networks: int, stream: np.random.Generator
) -> Calibration:
    from scipy.stats import ks_2samp

    level = 1 - LEVEL
    claims = np.zeros((draws, 6), bool)
    for row in claims:
        a, b = make(networks, stream)
        row[:] = (
            mean_test(a, b, resamples=499)[1] < level,
            location_test(a, b)[1] < level,
            ks_2samp(a, b).pvalue < level,
            dominance(b, a) < level,
            equivalence(a, b, INTEREST) < level,
            _covers(a, b, difference, stream),
        )
    return Calibration(name, *claims.mean(0).tolist())


def _covers(a: Floats, b: Floats, difference: float, stream: np.random.Generator) -> bool:
    """Whether the bootstrap interval of the difference of the means contains the true one."""
    first, second = (
        errors[stream.integers(len(errors), size=(999, len(errors)))].mean(1) for errors in (a, b)
    )
    low, high = np.quantile(second - first, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return bool(low <= difference <= high)


def coverage(
    population: ArrayLike, networks: int, draws: int = 200, seed: int = 0
) -> tuple[float, float]:
    """How often 95 % ranges of samples contain the truth of a whole population of errors (n,).

    `networks` are drawn with replacement, `draws` times. Returns the share of the ranges of the
    mean (`mean_error`) that contain the population's, and the mean share over its deciles of the
    bands (`band`) that contain its EDF. Raises `ConfigError` for no errors.
    """
    errors = np.asarray(population, np.float64)
    _check("population", errors.size, 1, np.inf)
    _check("networks", networks, 2, MAX_NETWORKS)
    stream, grid = np.random.default_rng(seed), np.quantile(errors, np.arange(1, 10) / 10)
    truth, means, curves = distribution(errors, grid), 0, 0.0
    for _ in range(draws):
        sample = errors[stream.integers(errors.size, size=networks)]
        mean = mean_error(sample, 999)
        means += mean.low <= errors.mean() <= mean.high
        low, high = band(sample, grid, 499)
        curves += float(np.mean((low <= truth) & (truth <= high)))
    return means / draws, curves / draws
