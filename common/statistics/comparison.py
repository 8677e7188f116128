"""Tests of whether one space has better networks than another (chapter 8.8.2)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from common.statistics.distributions import LEVEL, ConfidenceInterval, distribution, mean_difference

MARGIN: Final = 0.1
"""A space that majorises another may be behind by this share of the networks at any error."""


@dataclass(frozen=True)
class Comparison:
    """Whether the networks of `second` are better than those of `first`, by their EDFs.

    - `ahead`, `behind`: the largest distance of `second`'s EDF above, and below, that of `first`.
    - `p_ahead`, `p_behind`: p-values of "it is nowhere above", and "nowhere below" (exact one-sided
      Kolmogorov-Smirnov tests; Holm's correction for all tests of a table).
    - `p_within`: p-value of "the space that is further ahead is somewhere behind by `MARGIN` or
      more" (`nowhere_behind`; Holm's correction for all pairs of a table).
    - `mean_difference`: mean error of `second` minus that of `first`, with its bootstrap range.
    """

    first: str
    second: str
    ahead: float
    p_ahead: float
    behind: float
    p_behind: float
    p_within: float
    mean_difference: ConfidenceInterval

    @property
    def verdict(self) -> str:
        """The result of the tests in words."""
        better, worse = self.p_ahead < 1 - LEVEL, self.p_behind < 1 - LEVEL
        if better and worse:
            return "the curves cross"
        if not better and not worse:
            return "no difference shown"
        one, other = (self.second, self.first) if better else (self.first, self.second)
        leads = (self.ahead >= self.behind) == better
        if leads and self.p_within < 1 - LEVEL:
            return f"{one} majorises {other} to within {MARGIN:g}"
        return f"{one} is ahead of {other} somewhere; behind elsewhere is not excluded"


def compare(
    errors: Mapping[str, Sequence[float]], pairs: Sequence[tuple[str, str]], seed: int = 0
) -> list[Comparison]:
    """Compare pairs of spaces by the errors of their networks; all tests are one family (Holm)."""
    from scipy.stats import ks_2samp

    found, p_values, within = [], [], []
    for first, second in pairs:
        a, b = np.asarray(errors[first]), np.asarray(errors[second])
        ahead = ks_2samp(b, a, alternative="greater", method="exact")
        behind = ks_2samp(b, a, alternative="less", method="exact")
        found.append((float(ahead.statistic), float(behind.statistic)))
        p_values += [float(ahead.pvalue), float(behind.pvalue)]
        within.append(nowhere_behind(*((b, a) if ahead.statistic >= behind.statistic else (a, b))))
    corrected, within = holm(p_values), holm(within)
    return [
        Comparison(
            first,
            second,
            ahead,
            corrected[2 * number],
            behind,
            corrected[2 * number + 1],
            within[number],
            mean_difference(errors[first], errors[second], seed),
        )
        for number, ((first, second), (ahead, behind)) in enumerate(zip(pairs, found, strict=True))
    ]


def nowhere_behind(better: ArrayLike, worse: ArrayLike, margin: float = MARGIN) -> float:
    """The p-value of "somewhere, the EDF of `better` is below that of `worse` by `margin` or more".

    At every error, the two shares of networks are compared by the score test of non-inferiority of
    proportions (Farrington and Manning, 1990). The largest p-value is valid for all errors at once,
    without correction (an intersection-union test; Berger, 1982).
    """
    from scipy.stats import norm

    grid = np.unique(np.concatenate([np.asarray(better), np.asarray(worse), [-np.inf]]))
    shares, others = distribution(better, grid), distribution(worse, grid)
    count, other_count = np.size(better), np.size(worse)
    # Maximum likelihood estimates of shares that differ by the margin: the root of a cubic.
    ratio, gap = other_count / count, -margin
    a = 1 + ratio
    b = -(1 + ratio + shares + ratio * others + gap * (ratio + 2))
    c = gap**2 + gap * (2 * shares + ratio + 1) + shares + ratio * others
    d = -shares * gap * (1 + gap)
    v = b**3 / (3 * a) ** 3 - b * c / (6 * a**2) + d / (2 * a)
    u = np.copysign(np.sqrt(np.maximum(b**2 / (3 * a) ** 2 - c / (3 * a), 0)), v)
    cosine = np.divide(v, u**3, out=np.ones_like(v), where=u != 0)
    angle = (np.pi + np.arccos(np.clip(cosine, -1, 1))) / 3
    likely = np.clip(2 * u * np.cos(angle) - b / (3 * a), 0, 1 - margin)
    apart = likely + margin
    deviation = np.sqrt(likely * (1 - likely) / count + apart * (1 - apart) / other_count)
    return float(norm.sf((shares - others + margin) / deviation).max())


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values with Holm's correction for multiple tests."""
    order = np.argsort(p_values)
    scaled = np.asarray(p_values)[order] * np.arange(len(p_values), 0, -1)
    corrected = np.empty(len(p_values))
    corrected[order] = np.minimum(np.maximum.accumulate(scaled), 1)
    return corrected.tolist()
