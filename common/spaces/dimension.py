"""One parameter of the stages of a design space: its values, their distribution, and a rule."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import comb
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from common.numbers import FieldChecker, checked_ratios
from common.spaces.population import Integers, Numbers

Floats = NDArray[np.float64]

Rule = Literal["free", "shared", "increasing", "decreasing"]
"""How a parameter may vary between stages; `increasing` and `decreasing` include equal values."""

Distribution = Literal["uniform", "log"]
"""How likely the values of a parameter are.

- `uniform`: all are equally likely.
- `log`: their logarithm is uniform, as in the RegNet paper: a real number is drawn and rounded up
  to the next value. So a value v that follows u has a probability proportional to log(v / u). The
  first one has log(v / (v - min(q, v / 2))), where q is the distance to the second, as in pycls.
  Powers of two are equally likely.
"""


def log_masses(values: Sequence[float]) -> Floats:
    """The probability of each of some rising values under the `log` distribution (n,)."""
    if len(values) == 1:
        return np.ones(1)
    first = values[0]
    lowest = first - min(values[1] - first, first / 2)
    masses: Floats = np.diff(np.log(np.array([lowest, *values], np.float64)))
    masses /= masses.sum()
    return masses


def draw_indices(masses: Floats, size: tuple[int, ...], stream: np.random.Generator) -> Integers:
    """Independent indices of an array of this size, with the given probabilities (n,)."""
    ends = np.cumsum(masses)
    found: Integers = np.searchsorted(ends[:-1], stream.random(size) * ends[-1], side="right")
    return found


@dataclass(frozen=True)
class Dimension:
    """One parameter of the stages: its possible values, in rising order, and how stages may differ.

    Values are whole numbers; a bottleneck ratio may also be 1/2, 1/3 and so on. Stages are drawn
    independently by the `distribution`; where the rule asks for an order, rows that do not obey it
    are rejected (the code draws from the resulting distribution at once). Raises `SpecError`.
    """

    values: Sequence[float]
    rule: Rule = "free"
    distribution: Distribution = "uniform"

    def __post_init__(self) -> None:
        check = FieldChecker(self)
        check.keep("values", checked_ratios("values", self.values))
        check.choice("rule", get_args(Rule))
        check.choice("distribution", get_args(Distribution))

    def size(self, stages: int) -> int:
        """Number of ways to choose values for so many stages."""
        values = len(self.values)
        match self.rule:
            case "free":
                return int(values**stages)
            case "shared":
                return values
            case _:
                return comb(values + stages - 1, stages)

    def sample(self, rows: int, stages: int, stream: np.random.Generator) -> Numbers:
        """Choices of values (rows, stages): float64 if one of them is below 1, int64 otherwise."""
        values: Numbers = np.array(self.values)
        match self.rule:
            case "free":
                return values[self._indices((rows, stages), stream)]
            case "shared":
                return values[self._indices((rows, 1), stream).repeat(stages, 1)]
            case "increasing":
                return values[self._ascending(rows, stages, stream)]
            case "decreasing":
                return values[self._ascending(rows, stages, stream)[:, ::-1]]

    def allows(self, choices: Sequence[float]) -> bool:
        """Whether successive stages may have these values."""
        pairs = list(pairwise(choices))
        return (
            set(choices) <= set(self.values)
            and {
                "free": True,
                "shared": len(set(choices)) == 1,
                "increasing": all(before <= after for before, after in pairs),
                "decreasing": all(before >= after for before, after in pairs),
            }[self.rule]
        )

    def _indices(self, size: tuple[int, int], stream: np.random.Generator) -> Integers:
        if self.distribution == "log":
            return draw_indices(log_masses(self.values), size, stream)
        return stream.integers(len(self.values), size=size)

    def _ascending(self, rows: int, stages: int, stream: np.random.Generator) -> Integers:
        if self.distribution == "uniform":
            return _ascending(rows, stages, len(self.values), stream)
        return _ascending_by(log_masses(self.values), rows, stages, stream)


def _ascending(rows: int, stages: int, values: int, stream: np.random.Generator) -> Integers:
    """Uniform non-decreasing sequences of indices below `values`, one per row: (rows, stages).

    Subtracting 0, 1, 2, ... from a sorted set of `stages` numbers below values + stages - 1 gives
    such a sequence, one to one. Sets are drawn by rejecting rows with repeated numbers, or by
    sorting random keys where most rows would be rejected.
    """
    numbers = values + stages - 1
    if stages**2 > 4 * numbers:
        # The positions of the `stages` smallest keys are a uniform set.
        keys = stream.random((rows, numbers))
        return np.sort(keys.argsort(axis=1)[:, :stages], axis=1) - np.arange(stages)
    drawn = np.empty((0, stages), np.int64)
    while len(drawn) < rows:
        more = stream.integers(numbers, size=(rows - len(drawn), stages))
        more.sort(axis=1)
        drawn = np.concatenate([drawn, more[(np.diff(more) > 0).all(axis=1)]])
    return drawn - np.arange(stages)


def _ascending_by(masses: Floats, rows: int, stages: int, stream: np.random.Generator) -> Integers:
    """Non-decreasing sequences of indices, one per row (rows, stages).

    Their distribution is that of independent indices with the given probabilities (n,), rejected
    unless they do not decrease. One stage is drawn after another, from its distribution given the
    stage before and that all later ones do not decrease. `above[k]` (stages, n) is the weight of
    all ways to go on from stage k with an index of at least i.
    """
    above = np.empty((stages, len(masses)))
    rest = np.ones(len(masses))
    for stage in reversed(range(stages)):
        above[stage] = rest = np.cumsum((masses * rest)[::-1])[::-1]
    drawn = np.empty((rows, stages), np.int64)
    least = np.zeros(rows, np.int64)
    for stage in range(stages):
        falling = above[stage]
        wanted = falling[least] * (1 - stream.random(rows))
        # The largest index whose weight is still at least the one drawn.
        least = len(masses) - 1 - np.searchsorted(falling[::-1], wanted, side="left")
        drawn[:, stage] = least
    return drawn
