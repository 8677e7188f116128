"""RegNetX and RegNetY: networks whose widths lie on a quantised line (section 3.3)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate, pairwise, product
from math import log
from typing import Final, cast, get_args

import numpy as np

from common.arch import AnyNetSpec, RegNetSpec, StageSpec
from common.arch.regnet import WIDTH_STEP
from common.bounds import MAX_BLOCKS, MAX_LEVELS, MAX_WIDTH
from common.errors import SpecError
from common.numbers import FieldChecker, checked_range, checked_ratios, checked_rising
from common.spaces.checks import check_shape
from common.spaces.dimension import Dimension, Distribution
from common.spaces.levels import TENTHS, THOUSANDTHS, Levels
from common.spaces.limits import Limits
from common.spaces.lines import HUNDREDTHS, Lines, all_lines
from common.spaces.population import Integers, Population, fitted, inverse
from common.spaces.sampling import sample_within
from common.spaces.template import Template

Range = tuple[float, float]
Stages = tuple[StageSpec, ...]


@dataclass(frozen=True)
class RegNetSpace:
    """RegNets with `stages` stages, by depth, w_0, w_a, w_m, bottleneck ratio b and group width.

    A candidate is one choice of the six parameters; ranges include both ends, and w_0 is a multiple
    of 8. Only candidates with `stages` stages, within the limits, belong to the space.

    - `distribution` uniform: w_a and w_m are multiples of 0.01, and all candidates are equally
      likely.
    - `distribution` log: as in pycls, w_a and w_m are multiples of 0.1 and 0.001; depths are
      uniform and all else is log-uniform. Lines that skip a level, or of which two levels are
      rounded to the same width, do not belong to the space either.

    Raises `SpecError`.
    """

    name: str
    depths: tuple[int, int] = (1, 63)
    initial_widths: tuple[int, int] = (8, 256)
    slopes: Range = (8.0, 256.0)
    width_ratios: Range = (1.5, 3.0)
    bottleneck_ratios: tuple[float, ...] = (1, 2, 4)
    group_widths: tuple[int, ...] = (1, 2, 4, 8, 16, 32)
    stages: int = 4
    template: Template = field(default_factory=Template)
    limits: Limits = field(default_factory=Limits)
    distribution: Distribution = "uniform"

    def __post_init__(self) -> None:
        check = FieldChecker(self)
        check.choice("distribution", get_args(Distribution))
        slope, ratio = 1 / HUNDREDTHS, 1 / HUNDREDTHS
        if self.distribution == "log":
            slope, ratio = 1 / TENTHS, 1 / THOUSANDTHS
        for name, minimum, step, maximum in (
            ("depths", 1, 1, MAX_BLOCKS),
            ("initial_widths", WIDTH_STEP, WIDTH_STEP, MAX_WIDTH),
            ("slopes", slope, slope, MAX_WIDTH),
            ("width_ratios", 1 + ratio, ratio, MAX_WIDTH),
        ):
            check.keep(name, checked_range(name, getattr(self, name), minimum, step, maximum))
        check.keep("bottleneck_ratios", checked_ratios("bottleneck_ratios", self.bottleneck_ratios))
        check.keep("group_widths", checked_rising("group_widths", self.group_widths))
        stages = check_shape(
            self.name, self.stages, self.template, self.bottleneck_ratios, self.group_widths
        )
        check.keep("stages", stages)
        self._check_lines()

    def _check_lines(self) -> None:
        """Limit the widths of networks and the memory for the lines."""
        steepest = self.initial_widths[1] + self.slopes[1] * (self.depths[1] - 1)
        widest = steepest * self.width_ratios[1] ** 0.5
        if widest > MAX_WIDTH:
            raise SpecError(
                "initial_widths, slopes and depths must lead to widths of at most "
                f"{MAX_WIDTH:,}; got {widest:,.6g}"
            )
        if self.distribution == "log":
            ratios = round((self.width_ratios[1] - self.width_ratios[0]) * THOUSANDTHS) + 1
            if ratios * self.stages > MAX_LEVELS:
                raise SpecError(
                    f"width_ratios must be at most {MAX_LEVELS // self.stages:,} in steps of "
                    f"{1 / THOUSANDTHS:g}; got {ratios:,}"
                )
            return
        lowest = self.initial_widths[0]
        levels = log(1 + self.slopes[1] * self.depths[1] / lowest) / log(self.width_ratios[0]) + 2
        lines = (self.initial_widths[1] - lowest) // WIDTH_STEP + 1
        lines *= len(self._hundredths(self.width_ratios))
        if lines * levels > MAX_LEVELS:
            raise SpecError(
                "initial_widths times width_ratios must be fewer lines, of at most "
                f"{MAX_LEVELS:,} widths in all; got {lines:,} lines of up to {levels:,.0f} widths"
            )

    def size(self) -> int:
        """Number of candidates, also of those with other numbers of stages or beyond the limits."""
        if self.distribution == "log":
            choices = len(self.bottleneck_ratios) * len(self.group_widths)
            return self._levels.size() * choices
        return (
            (self.depths[1] - self.depths[0] + 1)
            * len(self._hundredths(self.slopes))
            * len(self._lines.starts)
            * len(self.bottleneck_ratios)
            * len(self.group_widths)
        )

    def sample(self, n: int, seed: int) -> Population:
        """`n` networks; samples of one seed begin alike.

        Raises `SpecError` if too few candidates belong to the space.
        """
        return sample_within(self.name, self._candidates, self.limits, n, seed)

    def contains(self, spec: AnyNetSpec) -> bool:
        """Whether some candidate of this space is `spec`."""
        if len(spec.stages) != self.stages or not self.template.describes(spec):
            return False
        stages = spec.stages
        if self.template.block != "resnext":
            stages = tuple(replace(stage, group_width=1) for stage in stages)
        depth = sum(stage.depth for stage in stages)
        ratio = inverse(stages[0].bottleneck_multiplier)
        if not self.depths[0] <= depth <= self.depths[1] or ratio not in self.bottleneck_ratios:
            return False
        possible = self._possible_levels if self.distribution == "log" else self._possible_lines
        return any(
            self._gives(RegNetSpec(depth, w_0, w_a, w_m, group_width, inverse(ratio)), stages)
            for group_width in self.group_widths
            if _may_become(group_width, stages)
            for w_0, w_a, w_m in possible(stages, ratio, group_width)
        ) and bool(self.limits.mask(Population.of([spec], self.template))[0])

    def _gives(self, candidate: RegNetSpec, stages: Stages) -> bool:
        """Whether a candidate is not rejected and has these stages."""
        if self.distribution == "log" and candidate.levels[-1] != self.stages - 1:
            return False
        return candidate.stages == stages

    def _possible_levels(
        self, stages: Stages, ratio: float, group_width: int
    ) -> Iterator[tuple[int, float, float]]:
        """Triples (w_0, w_a, w_m) to try, of the `log` distribution."""
        # Fitting to a group width makes no stage narrower than two thirds.
        widest = 2 * max(stage.channels for stage in stages)
        known = np.arange(WIDTH_STEP, widest + WIDTH_STEP, WIDTH_STEP)
        sources = self._sources(known, stages, ratio, group_width)
        return self._levels.lines_through(sources, [stage.depth for stage in stages])

    def _sources(
        self, known: Integers, stages: Stages, ratio: float, group_width: int
    ) -> list[Integers]:
        """For each stage, those of the widths (n,) that become its width."""
        column = known[:, None]
        ratios, group_widths = np.full(column.shape, ratio), np.full_like(column, group_width)
        made = fitted(column, column, ratios, group_widths, self.template)
        return [
            known[((made.widths == s.channels) & (made.group_widths == s.group_width))[:, 0]]
            for s in stages
        ]

    def _possible_lines(
        self, stages: Stages, ratio: float, group_width: int
    ) -> Iterator[tuple[int, float, float]]:
        """Triples (w_0, w_a, w_m) to try: if any triple gives these stages, one of them does."""
        lines = self._lines
        sources = self._sources(lines.known_widths, stages, ratio, group_width)
        begin_right = np.flatnonzero(np.isin(lines.widths[0], sources[0]))
        fits = np.array([np.isin(lines.widths[:, begin_right], source) for source in sources])
        for index in np.flatnonzero(fits.any(1).all(0)).tolist():
            line = begin_right[index]
            w_0, w_m = lines.starts[line]
            rises = lines.rises[:, line].astype(np.int64).tolist()
            for levels in product(*(np.flatnonzero(fit).tolist() for fit in fits[:, :, index])):
                if levels[0] == 0 and all(before < after for before, after in pairwise(levels)):
                    for slope in self._slopes_that_take(levels, stages, rises):
                        yield w_0, slope / HUNDREDTHS, w_m

    def _slopes_that_take(
        self, levels: Sequence[int], stages: Stages, rises: Sequence[int]
    ) -> list[int]:
        """The extreme slopes (hundredths) that put the blocks of each stage on its level."""
        slopes = self._hundredths(self.slopes)
        first, last = slopes[0], slopes[-1]
        blocks = list(accumulate(stage.depth for stage in stages))
        for past, level in zip(blocks, levels[1:], strict=False):
            first = max(first, -(-rises[level - 1] // past))
        for past, level in zip(blocks, levels, strict=True):
            if past > 1:
                last = min(last, rises[level] // (past - 1))
        # The first and the last may be ties, so their neighbours are candidates, too.
        return sorted({end for end in (first, first + 1, last - 1, last) if first <= end <= last})

    def _candidates(self, rows: int, stream: np.random.Generator) -> Population:
        if self.distribution == "log":
            depths, widths = self._levels.sample(rows, stream)
        else:
            depths, widths = self._on_lines(rows, stream)
        ratios, group_widths = (
            Dimension(values, "shared", self.distribution).sample(len(widths), self.stages, stream)
            for values in (self.bottleneck_ratios, self.group_widths)
        )
        return fitted(depths, widths, ratios, cast(Integers, group_widths), self.template)

    def _on_lines(self, rows: int, stream: np.random.Generator) -> tuple[Integers, Integers]:
        """Depths and widths (n, stages) of those candidates that have so many stages."""
        lines, slopes = self._lines, self._hundredths(self.slopes)
        depths = stream.integers(self.depths[0], self.depths[1] + 1, size=rows)
        line = stream.integers(len(lines.starts), size=rows)
        slope = stream.integers(slopes[0], slopes[-1] + 1, size=rows)
        return lines.stages(line, slope, depths, self.stages)[1:]

    @property
    def _levels(self) -> Levels:
        return Levels(self.depths, self.initial_widths, self.slopes, self.width_ratios, self.stages)

    @property
    def _lines(self) -> Lines:
        """The lines of every w_0 and w_m, up to the highest block of any network."""
        first, last = self.initial_widths
        highest = self._hundredths(self.slopes)[-1] * (self.depths[1] - 1)
        return all_lines(
            range(first, last + 1, WIDTH_STEP), self._hundredths(self.width_ratios), highest
        )

    @staticmethod
    def _hundredths(values: Range) -> range:
        low, high = (round(end * HUNDREDTHS) for end in values)
        return range(low, high + 1)


def _may_become(group_width: int, stages: Stages) -> bool:
    """Whether every stage has this group width, or its bottleneck's width if that is smaller."""
    return all(stage.group_width == min(group_width, stage.bottleneck_channels) for stage in stages)


REGNETX: Final = RegNetSpace(
    "RegNetX", template=Template(num_classes=1000, in_channels=3), distribution="log"
)
"""The paper's RegNetX: d < 64, w_0 and w_a up to 256, w_m from 1.5 to 3 (section 3.3)."""

REGNETX_C: Final = replace(
    REGNETX,
    name="RegNetX-C",
    depths=(12, 28),
    width_ratios=(2.0, 3.0),
    bottleneck_ratios=(1,),
    limits=Limits(params_line=(3.0, 5.5), activations_root=6.5),
)
"""RegNetX, limited to what good networks share: b = 1, w_m >= 2, few parameters and activations
for its FLOPs (section 4), and 12 to 28 blocks (section 5)."""

REGNETX_INVERTED: Final = replace(REGNETX, name="RegNetX-inverted", bottleneck_ratios=(0.25, 0.5))
"""RegNetX with inverted bottlenecks, b < 1: the 3x3 convolution is the widest (section 4)."""

REGNETX_R: Final = replace(REGNETX, name="RegNetX-R", group_widths=(2**15,))
"""RegNetX without groups: the paper's R blocks. Every group is as wide as its bottleneck."""

REGNETY: Final = replace(REGNETX, name="RegNetY", template=replace(REGNETX.template, se_ratio=0.25))
"""RegNetX with squeeze-and-excitation (section 5)."""
