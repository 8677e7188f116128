"""Whether one space has better networks than another (chapter 8.8.2): six tests, one verdict."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from common.statistics.correction import holm
from common.statistics.distributions import LEVEL, ConfidenceInterval, mean_difference
from common.statistics.inference import (
    INTEREST,
    RANGE,
    dominance,
    equivalence,
    location_test,
    mean_test,
)

_BETWEEN: Final = "from the {:.0f}th to the {:.0f}th percentile".format(*(100 * s for s in RANGE))


@dataclass(frozen=True)
class Comparison:
    """Whether the networks of `second` are better than those of `first`, by six tests.

    - `networks`: of `first` and of `second`.
    - `ahead`, `behind`: the largest distance of `second`'s EDF above, and below, that of `first`;
      `p_ahead`, `p_behind`: of "it is nowhere above", and "nowhere below" (exact one-sided
      Kolmogorov-Smirnov tests).
    - `mean_difference`: mean error of `second` minus that of `first`, with its bootstrap range;
      `p_mean`: of "the means are equal" (`mean_test`).
    - `chance`: the probability that a network of `second` has the smaller error, ties counting
      half; `p_location`: of "the distributions are equal", by the Mann-Whitney test.
    - `better`: the space with the smaller mean; `p_dominance`: of "it does not dominate"
      (`dominance`).
    - `interest`: the smallest difference of means of interest; `p_equivalence`: of "the means
      differ by that or more" (`equivalence`).

    The p-values of `compare` are corrected for the tests of its pairs, those of `find` for all of
    its tests.
    """

    first: str
    second: str
    networks: tuple[int, int]
    ahead: float
    p_ahead: float
    behind: float
    p_behind: float
    mean_difference: ConfidenceInterval
    p_mean: float
    chance: float
    p_location: float
    better: str
    p_dominance: float
    interest: float
    p_equivalence: float

    @property
    def verdict(self) -> str:
        """What the tests show at the 5 % level, in words, and of how many networks."""
        shown = [self._difference()]
        if self.equivalent:
            shown.append(f"the means differ by less than {100 * self.interest:g} %")
        words = "; ".join(part for part in shown if part) or "no difference shown"
        return "{} (n = {:,} and {:,})".format(words, *self.networks)

    @property
    def equivalent(self) -> bool:
        """Whether the means are shown to differ by less than `interest`."""
        return self.p_equivalence < 1 - LEVEL

    def _difference(self) -> str:
        """The strongest difference that is shown; empty if none is."""
        level = 1 - LEVEL
        other = self.first if self.better == self.second else self.second
        ahead, behind, means = (p < level for p in (self.p_ahead, self.p_behind, self.p_mean))
        if self.p_dominance < level:
            return f"{self.better} majorises {other} {_BETWEEN}"
        if ahead and behind:
            crossing = "the curves cross"
            return f"{crossing}; the mean error of {self.better} is smaller" if means else crossing
        if means:
            return f"the mean error of {self.better} is smaller; dominance is not shown"
        if ahead or behind:
            one, two = (self.second, self.first) if ahead else (self.first, self.second)
            return f"{one} is ahead of {two} somewhere; behind elsewhere is not excluded"
        if self.p_location < level:
            likely = self.second if self.chance > 0.5 else self.first
            return f"a network of {likely} is more often the better one; no more is shown"
        return ""


P_VALUES: Final = (
    "p_ahead",
    "p_behind",
    "p_mean",
    "p_location",
    "p_dominance",
    "p_equivalence",
)
"""The tests of a pair, by the fields of `Comparison`."""


def compare(
    errors: Mapping[str, Sequence[float]],
    pairs: Sequence[tuple[str, str]],
    seed: int = 0,
    interest: float = INTEREST,
) -> list[Comparison]:
    """Compare pairs of spaces by the errors of their networks; all tests are one family (Holm).

    `interest` is the smallest difference of mean errors of interest.
    """
    tested = uncorrected(errors, pairs, seed, interest)
    return with_p_values(tested, holm(p_values(tested)))


def uncorrected(
    errors: Mapping[str, Sequence[float]],
    pairs: Sequence[tuple[str, str]],
    seed: int,
    interest: float,
) -> list[Comparison]:
    """The comparisons of `compare`, before the correction for multiple tests."""
    return [_tested((first, second), errors, seed, interest) for first, second in pairs]


def p_values(comparisons: Sequence[Comparison]) -> list[float]:
    """The p-values of all tests of the comparisons."""
    return [getattr(one, name) for one in comparisons for name in P_VALUES]


def with_p_values(comparisons: Sequence[Comparison], values: Sequence[float]) -> list[Comparison]:
    """The comparisons with other p-values, in the order of `p_values`."""
    rows = np.reshape(values, (len(comparisons), len(P_VALUES))).tolist()
    return [
        replace(one, **dict(zip(P_VALUES, row, strict=True)))
        for one, row in zip(comparisons, rows, strict=True)
    ]


def _tested(
    pair: tuple[str, str], errors: Mapping[str, Sequence[float]], seed: int, interest: float
) -> Comparison:
    from scipy.stats import ks_2samp

    first, second = pair
    a, b = np.asarray(errors[first], np.float64), np.asarray(errors[second], np.float64)
    ahead = ks_2samp(b, a, alternative="greater", method="exact")
    behind = ks_2samp(b, a, alternative="less", method="exact")
    difference, p_mean = mean_test(a, b, seed)
    chance, p_location = location_test(a, b)
    return Comparison(
        first=first,
        second=second,
        networks=(len(a), len(b)),
        ahead=float(ahead.statistic),
        p_ahead=float(ahead.pvalue),
        behind=float(behind.statistic),
        p_behind=float(behind.pvalue),
        mean_difference=mean_difference(errors[first], errors[second], seed),
        p_mean=p_mean,
        chance=chance,
        p_location=p_location,
        better=second if difference < 0 else first,
        p_dominance=dominance(*((b, a) if difference < 0 else (a, b))),
        interest=interest,
        p_equivalence=equivalence(a, b, interest),
    )
