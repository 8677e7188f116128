"""The quantised lines of RegNets, and the stages of many networks at once (section 3.3)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import product
from math import ceil, log
from typing import Final

import numpy as np
from numpy.typing import NDArray

from common.arch.regnet import WIDTH_STEP
from common.spaces.population import Integers

HUNDREDTHS: Final = 100
"""Slopes and width ratios are multiples of 1/100, as in the published models."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Lines:
    """The quantised widths of every line, that is, of every pair (w_0, w_m).

    Arrays have the shape (levels, lines), a level being a quantised width:

    - `widths`: the width in channels; 0 for levels that no block reaches.
    - `rises`: block j is above the level if w_a j is at least this, in hundredths of a channel.
    - `ties`: where w_a j equals the rise, `RegNetSpec`'s floating-point rounding decides.
    - `steps`: the exponent s of the level's width w_0 w_m^s, the largest if there are several.

    `starts` (lines,) holds the pairs.
    """

    starts: tuple[tuple[int, float], ...]
    widths: Integers
    rises: Floats
    ties: NDArray[np.bool_]
    steps: Integers

    @cached_property
    def known_widths(self) -> Integers:
        """All widths of all lines, in rising order."""
        return np.unique(self.widths[self.widths > 0])

    def stages(
        self, lines: Integers, slopes: Integers, depths: Integers, number: int
    ) -> tuple[Integers, Integers, Integers]:
        """The networks (n,) that have `number` stages, and the stages' depths and widths.

        A network is the index of its line, its slope in hundredths and its depth. Returns indices
        (chosen,), depths (chosen, number) and widths (chosen, number), equal to `RegNetSpec`'s.
        """
        found, begun = np.zeros(len(lines), np.int16), np.zeros(len(lines))
        for end in self._ends(lines, slopes, depths):
            found += end > begun
            begun = end
        chosen = np.flatnonzero(found == number)
        lines, slopes, depths = lines[chosen], slopes[chosen], depths[chosen]
        ends = np.stack(list(self._ends(lines, slopes, depths)), axis=1)
        blocks = np.diff(ends, axis=1, prepend=0).astype(np.int64)
        levels = np.nonzero(blocks)[1].reshape(-1, number)
        widths = self.widths[levels, lines[:, None]]
        return chosen, np.take_along_axis(blocks, levels, 1), widths

    def _ends(self, lines: Integers, slopes: Integers, depths: Integers) -> Iterator[Floats]:
        """For each level, how many blocks of each network are at most that wide (n,)."""
        divisors, limits = slopes.astype(np.float64), depths.astype(np.float64)
        not_past = self._ties_that_stay(lines, slopes, depths)
        for level, rises in enumerate(self.rises):
            # For integers this small, float64 division never rounds to or across an integer.
            ends: Floats = np.ceil(rises.take(lines) / divisors)
            ends[not_past[1][not_past[0] == level]] += 1
            yield np.minimum(ends, limits, out=ends)

    def _ties_that_stay(
        self, lines: Integers, slopes: Integers, depths: Integers
    ) -> tuple[Integers, Integers]:
        """Level and network of every tie that `RegNetSpec` rounds down, to the lower level.

        Ties are rare: they need a rational square root of w_m, or chance.
        """
        rows = np.flatnonzero(np.logical_or.reduce(self.ties)[lines])
        blocks, rest = np.divmod(self.rises[:, lines[rows]], slopes[rows])
        tied = self.ties[:, lines[rows]] & (rest == 0) & (blocks < depths[rows])
        levels, columns = np.nonzero(tied)
        stays = np.zeros(len(levels), bool)
        for index, (level, column) in enumerate(zip(levels, columns, strict=True)):
            line = lines[rows[column]]
            w_0, w_m = self.starts[line]
            u = w_0 + int(slopes[rows[column]]) / HUNDREDTHS * int(blocks[level, column])
            stays[index] = round(log(u / w_0) / log(w_m)) <= self.steps[level, line]
        return levels[stays], rows[columns[stays]]


@lru_cache(maxsize=32)
def all_lines(initial_widths: Sequence[int], width_ratios: Sequence[int], highest: int) -> Lines:
    """The lines of all pairs of w_0 and w_m, for w_a j up to `highest`; both in hundredths."""
    starts = [(w_0, w_m / HUNDREDTHS) for w_0, w_m in product(initial_widths, width_ratios)]
    levels = [_levels(w_0, w_m, highest) for w_0, w_m in starts]
    shape = max(map(len, levels)), len(levels)
    widths, steps = (np.zeros(shape, np.int64) for _ in range(2))
    rises, ties = np.full(shape, highest + 1.0), np.zeros(shape, bool)
    for line, found in enumerate(levels):
        for level, (width, step, rise) in enumerate(found):
            widths[level, line], steps[level, line] = width, step
            if rise <= highest + 1:
                # u and its logarithm are rounded: closer than this, the formula decides nothing.
                ties[level, line] = tie = abs(rise - round(rise)) < 1e-6
                rises[level, line] = round(rise) if tie else ceil(rise)
    return Lines(tuple(starts), widths, rises, ties, steps)


def _levels(w_0: int, w_m: float, highest: int) -> list[tuple[int, int, float]]:
    """The widths of one line, each with its largest exponent s and its rise in hundredths.

    The exponent of block j is log(1 + w_a j / w_0) / log(w_m), rounded (equation 3).
    """
    levels: list[tuple[int, int, float]] = []
    step, rise = 0, 0.0
    # One level above the highest: its rise may be a tie.
    while rise <= highest + 1:
        rise = HUNDREDTHS * w_0 * (w_m ** (step + 0.5) - 1)
        width = round(w_0 * w_m**step / WIDTH_STEP) * WIDTH_STEP
        if levels and levels[-1][0] == width:
            levels.pop()
        levels.append((width, step, rise))
        step += 1
    return levels
