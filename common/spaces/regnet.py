"""RegNetX and RegNetY: networks whose widths lie on a quantised line (section 3.3)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate, pairwise, product
from math import log
from typing import Final

import numpy as np

from common.arch import AnyNetSpec, RegNetSpec, StageSpec
from common.arch.regnet import WIDTH_STEP
from common.bounds import MAX_BLOCKS, MAX_LEVELS, MAX_WIDTH
from common.errors import SpecError
from common.numbers import FieldChecker, checked_range, checked_rising
from common.spaces.checks import check_shape
from common.spaces.limits import Limits
from common.spaces.lines import HUNDREDTHS, Lines, all_lines
from common.spaces.population import Population, Template, fitted
from common.spaces.sampling import sample_within

Range = tuple[float, float]
Stages = tuple[StageSpec, ...]


@dataclass(frozen=True)
class RegNetSpace:
    """RegNets with `stages` stages, by depth, w_0, w_a, w_m, bottleneck ratio b and group width.

    Ranges include both ends; w_0 is a multiple of 8, w_a and w_m are multiples of 0.01. A candidate
    is one choice of the six parameters. All candidates are equally likely, but only those with
    `stages` stages, within the limits, belong to the space. Raises `SpecError`.
    """

    name: str
    depths: tuple[int, int] = (1, 63)
    initial_widths: tuple[int, int] = (8, 256)
    slopes: Range = (8.0, 256.0)
    width_ratios: Range = (1.5, 3.0)
    bottleneck_ratios: tuple[int, ...] = (1, 2, 4)
    group_widths: tuple[int, ...] = (1, 2, 4, 8, 16, 32)
    stages: int = 4
    template: Template = field(default_factory=Template)
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        check = FieldChecker(self)
        for name, minimum, step, maximum in (
            ("depths", 1, 1, MAX_BLOCKS),
            ("initial_widths", WIDTH_STEP, WIDTH_STEP, MAX_WIDTH),
            ("slopes", 1 / HUNDREDTHS, 1 / HUNDREDTHS, MAX_WIDTH),
            ("width_ratios", 1 + 1 / HUNDREDTHS, 1 / HUNDREDTHS, MAX_WIDTH),
        ):
            check.keep(name, checked_range(name, getattr(self, name), minimum, step, maximum))
        for name in ("bottleneck_ratios", "group_widths"):
            check.keep(name, checked_rising(name, getattr(self, name)))
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
        ratio = round(1 / stages[0].bottleneck_multiplier)
        if not self.depths[0] <= depth <= self.depths[1] or ratio not in self.bottleneck_ratios:
            return False
        return any(
            RegNetSpec(depth, w_0, w_a, w_m, group_width, 1 / ratio).stages == stages
            for group_width in self.group_widths
            if _may_become(group_width, stages)
            for w_0, w_a, w_m in self._possible_lines(stages, ratio, group_width)
        ) and bool(self.limits.mask(Population.of([spec], self.template))[0])

    def _possible_lines(
        self, stages: Stages, ratio: int, group_width: int
    ) -> Iterator[tuple[int, float, float]]:
        """Triples (w_0, w_a, w_m) to try: if any triple gives these stages, one of them does."""
        lines = self._lines
        known = lines.known_widths[:, None]
        made = fitted(
            known,
            known,
            np.full_like(known, ratio),
            np.full_like(known, group_width),
            self.template,
        )
        sources = [
            known[(made.widths == stage.channels) & (made.group_widths == stage.group_width)]
            for stage in stages
        ]
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
        lines, slopes = self._lines, self._hundredths(self.slopes)
        depths = stream.integers(self.depths[0], self.depths[1] + 1, size=rows)
        line = stream.integers(len(lines.starts), size=rows)
        slope = stream.integers(slopes[0], slopes[-1] + 1, size=rows)
        _, stage_depths, widths = lines.stages(line, slope, depths, self.stages)
        ratios, group_widths = (
            np.array(values)[
                stream.integers(len(values), size=(len(widths), 1)).repeat(self.stages, 1)
            ]
            for values in (self.bottleneck_ratios, self.group_widths)
        )
        return fitted(stage_depths, widths, ratios, group_widths, self.template)

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


REGNETX: Final = RegNetSpace("RegNetX", template=Template(num_classes=1000, in_channels=3))
"""The paper's RegNetX: d < 64, w_0 and w_a up to 256, w_m from 1.5 to 3 (section 3.3)."""

REGNETX_C: Final = replace(
    REGNETX, name="RegNetX-C", depths=(1, 40), width_ratios=(2.0, 3.0), bottleneck_ratios=(1,)
)
"""RegNetX, limited to what good networks share: b = 1, d <= 40, w_m >= 2 (section 4)."""

REGNETY: Final = replace(REGNETX, name="RegNetY", template=replace(REGNETX.template, se_ratio=0.25))
"""RegNetX with squeeze-and-excitation (section 5)."""
