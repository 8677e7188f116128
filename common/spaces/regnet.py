"""RegNetX and RegNetY: networks whose widths lie on a quantised line (section 3.3)."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise, product
from math import ceil, floor, log, prod
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from common.arch import AnyNetSpec, RegNetSpec
from common.arch.regnet import WIDTH_STEP, compatible_stage
from common.spaces.intervals import check_shape, interval, rising
from common.spaces.limits import Limits
from common.spaces.population import Integers, Population, Template, fitted
from common.spaces.sampling import sample_within

HUNDREDTHS: Final = 100
"""Slopes and width ratios are multiples of a hundredth, as those of the published models."""

_STEPS = 24
"""Steps of a line: its last block is on one of them for all values that a space may have."""

Floats = NDArray[np.float64]
Interval = tuple[float, float]


@dataclass(frozen=True)
class RegNetSpace:
    """RegNets with `stages` stages: depth, w_0, w_a and w_m, and one b and one group width.

    Intervals include both ends. A candidate is one choice of all six, and candidates are equally
    likely; those with another number of stages are no networks of the space. Raises `SpecError`.
    """

    name: str
    depths: tuple[int, int] = (1, 63)
    initial_widths: tuple[int, int] = (8, 256)
    slopes: Interval = (8.0, 256.0)
    width_ratios: Interval = (1.5, 3.0)
    bottleneck_ratios: tuple[int, ...] = (1, 2, 4)
    group_widths: tuple[int, ...] = (1, 2, 4, 8, 16, 32)
    stages: int = 4
    template: Template = field(default_factory=Template)
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        for name, least, step in (
            ("depths", 1, 1),
            ("initial_widths", WIDTH_STEP, WIDTH_STEP),
            ("slopes", 1 / HUNDREDTHS, 1 / HUNDREDTHS),
            ("width_ratios", 1 + 1 / HUNDREDTHS, 1 / HUNDREDTHS),
        ):
            object.__setattr__(self, name, interval(name, getattr(self, name), least, step))
        for name in ("bottleneck_ratios", "group_widths"):
            object.__setattr__(self, name, rising(name, getattr(self, name)))
        check_shape(
            self.name, self.stages, self.template, self.bottleneck_ratios, self.group_widths
        )

    def size(self) -> int:
        """Exact number of candidates, whatever their stages and the limits."""
        return prod(map(len, self._choices))

    def sample(self, n: int, seed: int) -> Population:
        """`n` networks, the same for equal seeds. Raises `SpecError` when limits leave too few."""
        return sample_within(self.name, self._candidates, self.limits, n, seed)

    def contains(self, spec: AnyNetSpec) -> bool:
        """Whether some candidate of this space is `spec`."""
        if len(spec.stages) != self.stages or spec != self.template.network(spec.stages):
            return False
        depth = sum(stage.depth for stage in spec.stages)
        ratio = round(1 / spec.stages[0].bottleneck_multiplier)
        if not self.depths[0] <= depth <= self.depths[1] or ratio not in self.bottleneck_ratios:
            return False
        _, initial_widths, _, width_ratios, _, group_widths = self._choices
        has_line = any(
            self._has_line(spec, depth, w_0, w_m, ratio, group_width)
            for group_width in group_widths
            if _may_become(group_width, spec)
            for w_0 in initial_widths
            for w_m in width_ratios
        )
        return has_line and bool(self.limits.mask(Population.of([spec], self.template))[0])

    def _has_line(
        self, spec: AnyNetSpec, depth: int, w_0: int, w_m: float, ratio: int, group_width: int
    ) -> bool:
        """Whether some slope gives the stages of `spec`."""
        if compatible_stage(spec.stages[0].depth, w_0, group_width, 1 / ratio) != spec.stages[0]:
            return False
        steps: dict[int, list[int]] = {}
        for step in range(_STEPS):
            quantised = round(w_0 * w_m**step / WIDTH_STEP) * WIDTH_STEP
            steps.setdefault(quantised, []).append(step)
        options = [
            [
                taken
                for quantised, taken in steps.items()
                if compatible_stage(stage.depth, quantised, group_width, 1 / ratio) == stage
            ]
            for stage in spec.stages
        ]
        return any(
            RegNetSpec(depth, w_0, w_a, w_m, group_width, 1 / ratio).stages == spec.stages
            for chosen in product(*options)
            if chosen[0][0] == 0 and all(before < after for before, after in pairwise(chosen))
            for w_a in self._slopes_that_take(chosen, spec, w_0, w_m)
        )

    def _slopes_that_take(
        self, steps: Sequence[list[int]], spec: AnyNetSpec, w_0: int, w_m: float
    ) -> list[float]:
        """Slopes for which the blocks of each stage are on its steps: those at both ends.

        Block j is on step s when w_0 + w_a j is from w_0 w_m^(s - 1/2) to w_0 w_m^(s + 1/2).
        """
        (low, high), block = self.slopes, 0
        for stage, taken in zip(spec.stages, steps, strict=True):
            if block:
                low = max(low, w_0 * (w_m ** (taken[0] - 0.5) - 1) / block)
            block += stage.depth
            if block > 1:
                high = min(high, w_0 * (w_m ** (taken[-1] + 0.5) - 1) / (block - 1))
        first, last = ceil(low * HUNDREDTHS - 1e-6), floor(high * HUNDREDTHS + 1e-6)
        # The first and the last may be ties, which rounding decides.
        ends = sorted({first, first + 1, last - 1, last})
        return [end / HUNDREDTHS for end in ends if first <= end <= last]

    def _candidates(self, rows: int, stream: np.random.Generator) -> Population:
        depths, w_0, w_a, w_m, ratios, group_widths = (
            np.array(values)[stream.integers(len(values), size=rows)] for values in self._choices
        )
        stage_depths, widths, stages = _stages(depths, w_0, w_a, w_m, self.stages)
        right = stages == self.stages
        ratios, group_widths = (
            array[right, None].repeat(self.stages, 1) for array in (ratios, group_widths)
        )
        return fitted(stage_depths[right], widths[right], ratios, group_widths, self.template)

    @property
    def _choices(self) -> tuple[Sequence[Any], ...]:
        """The values of depth, w_0, w_a, w_m, b and group width."""
        return (
            range(self.depths[0], self.depths[1] + 1),
            range(self.initial_widths[0], self.initial_widths[1] + 1, WIDTH_STEP),
            _hundredths(self.slopes),
            _hundredths(self.width_ratios),
            self.bottleneck_ratios,
            self.group_widths,
        )


def _hundredths(interval: Interval) -> list[float]:
    low, high = (round(end * HUNDREDTHS) for end in interval)
    return [value / HUNDREDTHS for value in range(low, high + 1)]


def _may_become(group_width: int, spec: AnyNetSpec) -> bool:
    """Whether it is that of all stages, as far as their bottlenecks are that wide."""
    return all(
        stage.group_width == min(group_width, stage.bottleneck_channels) for stage in spec.stages
    )


def _stages(
    depths: Integers, w_0: Integers, w_a: Floats, w_m: Floats, most: int
) -> tuple[Integers, Integers, Integers]:
    """Depths and widths (n, most) of the first stages on each line, and the number of stages.

    They are those of `RegNetSpec`, found step by step instead of block by block.
    """
    rows = np.arange(len(depths))
    stage_depths, widths = (np.zeros((len(depths), most + 1), np.int64) for _ in range(2))
    begun, last, stage = (np.zeros(len(depths), np.int64) for _ in range(3))
    stage -= 1
    for step in range(_STEPS):
        end = np.minimum(_first_block_past(step, w_0, w_a, w_m), depths)
        width = np.rint(w_0 * w_m**step / WIDTH_STEP).astype(np.int64) * WIDTH_STEP
        there = end > begun
        stage += there & (width != last)
        last = np.where(there, width, last)
        column = np.clip(stage, 0, most)
        stage_depths[rows, column] += end - begun
        widths[rows, column] = last
        begun = end
    return stage_depths[:, :most], widths[:, :most], stage + 1


def _first_block_past(step: int, w_0: Integers, w_a: Floats, w_m: Floats) -> Integers:
    """The first block j whose log(1 + w_a j / w_0) / log(w_m) rounds to more than `step`."""
    exact = w_0 * (w_m ** (step + 0.5) - 1) / w_a
    blocks = np.ceil(exact).astype(np.int64)
    for row in np.flatnonzero(np.abs(exact - np.rint(exact)) < 1e-6):
        # A tie: rounded exactly as RegNetSpec does.
        block, start = round(float(exact[row])), int(w_0[row])
        u = start + float(w_a[row]) * block
        past = round(log(u / start) / log(float(w_m[row]))) > step
        blocks[row] = block if past else block + 1
    return blocks


REGNETX: Final = RegNetSpace("RegNetX", template=Template(num_classes=1000, in_channels=3))
"""The paper's RegNetX: d < 64, w_0 and w_a up to 256, w_m from 1.5 to 3 (section 3.3)."""

REGNETX_C: Final = replace(
    REGNETX, name="RegNetX-C", depths=(1, 40), width_ratios=(2.0, 3.0), bottleneck_ratios=(1,)
)
"""RegNetX with what its good networks share: b = 1, d <= 40, w_m >= 2 (section 4)."""

REGNETY: Final = replace(REGNETX, name="RegNetY", template=replace(REGNETX.template, se_ratio=0.25))
"""RegNetX with squeeze-and-excitation (section 5)."""
