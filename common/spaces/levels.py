"""RegNets as pycls draws them: log-uniform lines on which every level is a stage of its own."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from math import ceil, exp, floor, log
from typing import Final

import numpy as np

from common.arch.regnet import WIDTH_STEP, RegNetSpec
from common.bounds import MAX_CHANNELS
from common.spaces.dimension import Floats
from common.spaces.population import Integers

TENTHS: Final = 10
"""Slopes are multiples of 1/10, as in pycls."""

THOUSANDTHS: Final = 1000
"""Width ratios are multiples of 1/1000, as in pycls."""

_NEAR: Final = 1e-9
"""Relative distance from a tie at which `RegNetSpec`'s floating-point rounding decides."""

Range = tuple[float, float]


def log_integers(ends: tuple[int, int], rows: int, stream: np.random.Generator) -> Integers:
    """Integers of a closed range under the `log` distribution (rows,)."""
    low, high = ends
    if low == high:
        return np.full(rows, low)
    lowest = low - min(1, low / 2)
    drawn = np.ceil(np.exp(stream.uniform(log(lowest), log(high), rows)))
    return np.clip(drawn, low, high).astype(np.int64)


@dataclass(frozen=True)
class Levels:
    """Lines by depth, w_0, w_a and w_m, of which blocks take the levels 0 to `stages` - 1.

    Ranges include both ends. Depths are uniform; w_0, w_a and w_m are log-uniform in steps of 8,
    0.1 and 0.001. As in pycls, candidates are rejected that skip a level, or of which two levels
    are rounded to the same width.
    """

    depths: tuple[int, int]
    initial_widths: tuple[int, int]
    slopes: Range
    width_ratios: Range
    stages: int

    def size(self) -> int:
        """Number of candidates, including those that are rejected."""
        ends = (self.depths, self._starts, self._tenths, self._thousandths)
        sizes = [last - first + 1 for first, last in ends]
        return sizes[0] * sizes[1] * sizes[2] * sizes[3]

    def sample(self, rows: int, stream: np.random.Generator) -> tuple[Integers, Integers]:
        """Depths and widths (n, stages) of those of `rows` candidates that are not rejected."""
        depths = stream.integers(self.depths[0], self.depths[1] + 1, size=rows)
        starts = WIDTH_STEP * log_integers(self._starts, rows, stream)
        slopes = log_integers(self._tenths, rows, stream) / TENTHS
        ratios = log_integers(self._thousandths, rows, stream) - self._thousandths[0]
        # Most candidates end on another level; they are left out first.
        last, middles = slopes * (depths - 1), self._table[1]
        ends_there = last <= starts * (middles[-1].take(ratios) - 1) * (1 + _NEAR)
        if self.stages > 1:
            ends_there &= last >= starts * (middles[-2].take(ratios) - 1) * (1 - _NEAR)
        chosen = np.flatnonzero(ends_there)
        return self.stages_of(depths[chosen], starts[chosen], slopes[chosen], ratios[chosen])

    def stages_of(
        self, depths: Integers, starts: Integers, slopes: Floats, ratios: Integers
    ) -> tuple[Integers, Integers]:
        """Depths and widths of the stages of the candidates (n,) that are not rejected.

        `ratios` are indices of width ratios.
        """
        ends = np.stack([self._ends(level, starts, slopes, ratios) for level in range(self.stages)])
        complete = ends[-1] >= depths
        ends[-1] = depths
        blocks = np.diff(ends, axis=0, prepend=0)
        powers = self._table[0].take(ratios, axis=1)
        widths = np.rint(starts * powers / WIDTH_STEP).astype(np.int64) * WIDTH_STEP
        complete &= (blocks > 0).all(axis=0) & (np.diff(widths, axis=0) > 0).all(axis=0)
        return blocks[:, complete].T, widths[:, complete].T

    def lines_through(
        self, widths: Sequence[Integers], depths: Sequence[int]
    ) -> Iterator[tuple[int, float, float]]:
        """Triples (w_0, w_a, w_m) to try: if any gives these stages, one of them does.

        `widths` are the possible widths of each stage.
        """
        powers, middles = self._table
        low, high = self.initial_widths
        ends = list(accumulate(depths))
        for w_0 in widths[0][(low <= widths[0]) & (widths[0] <= high)].tolist():
            made = np.minimum(np.rint(w_0 * powers / WIDTH_STEP), MAX_CHANNELS) * WIDTH_STEP
            fits = (np.diff(made, axis=0) > 0).all(axis=0)
            for level, known in zip(made, widths, strict=True):
                fits &= np.isin(level, known)
            for index in np.flatnonzero(fits).tolist():
                w_m = (index + self._thousandths[0]) / THOUSANDTHS
                for tenths in self._slopes(w_0 * (middles[:, index] - 1) * TENTHS, ends):
                    yield w_0, tenths / TENTHS, w_m

    def _slopes(self, rises: Floats, ends: Sequence[int]) -> list[int]:
        """The extreme slopes (tenths) with which each level ends at its block."""
        first, last = self._tenths
        for rise, end in zip(rises[:-1], ends, strict=False):
            first = max(first, ceil(rise / end * (1 - _NEAR)))
        for rise, end in zip(rises, ends, strict=True):
            if end > 1:
                last = min(last, floor(rise / (end - 1) * (1 + _NEAR)))
        # The first and the last may be ties, so their neighbours are candidates, too.
        return sorted({end for end in (first, first + 1, last - 1, last) if first <= end <= last})

    def _ends(self, level: int, starts: Integers, slopes: Floats, ratios: Integers) -> Integers:
        """How many blocks are on a level or below it (n,), not limited by the depth."""
        rises = starts * (self._table[1][level].take(ratios) - 1) / slopes
        nearest = np.rint(rises)
        ends: Integers = np.ceil(rises).astype(np.int64)
        for row in np.flatnonzero(np.abs(rises - nearest) < _NEAR * np.maximum(1, rises)).tolist():
            w_m = (int(ratios[row]) + self._thousandths[0]) / THOUSANDTHS
            block = int(nearest[row])
            line = RegNetSpec(block + 1, int(starts[row]), float(slopes[row]), w_m, 1)
            ends[row] = block + (line.levels[-1] <= level)
        return ends

    @property
    def _starts(self) -> tuple[int, int]:
        low, high = self.initial_widths
        return low // WIDTH_STEP, high // WIDTH_STEP

    @property
    def _tenths(self) -> tuple[int, int]:
        return round(self.slopes[0] * TENTHS), round(self.slopes[1] * TENTHS)

    @property
    def _thousandths(self) -> tuple[int, int]:
        low, high = self.width_ratios
        return round(low * THOUSANDTHS), round(high * THOUSANDTHS)

    @property
    def _table(self) -> tuple[Floats, Floats]:
        return _powers(*self._thousandths, self.stages)


@lru_cache(maxsize=32)
def _powers(first: int, last: int, stages: int) -> tuple[Floats, Floats]:
    """w_m^s and w_m^(s + 1/2) for every level s and width ratio (stages, ratios).

    Computed as `RegNetSpec` does, so that widths are rounded alike. Infinite where they overflow.
    """
    ratios = [thousandths / THOUSANDTHS for thousandths in range(first, last + 1)]
    most = 700 / log(ratios[-1])
    powers = [[w_m**s if s < most else exp(700) for w_m in ratios] for s in range(stages)]
    middles = [[w_m ** (s + 0.5) if s < most - 1 else exp(700) for w_m in ratios]
               for s in range(stages)]  # fmt: skip
    return np.array(powers), np.array(middles)
