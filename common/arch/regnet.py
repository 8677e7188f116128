"""RegNet: widths from a quantised line ("Designing Network Design Spaces", section 3.3)."""

from collections import Counter
from dataclasses import dataclass
from math import lcm, log
from typing import Final

from common.arch.spec import AnyNetSpec
from common.arch.stage import StageSpec
from common.bounds import MAX_BLOCKS, MAX_CHANNELS
from common.errors import SpecError
from common.numbers import FieldChecker, checked_integer, checked_number

WIDTH_STEP: Final = 8
"""Widths are multiples of this many channels."""


@dataclass(frozen=True)
class RegNetSpec:
    """A RegNet by the paper's parameters: `depth` blocks on the line w_0 + w_a j.

    - `w_0`: initial width in channels, a multiple of 8;
    - `w_a`: slope in channels per block;
    - `w_m`: ratio of the widths of successive stages;
    - `group_width`: g, reduced in stages whose bottleneck is narrower;
    - `bottleneck_multiplier`: the inverse of the paper's b;
    - `se_ratio`: of squeeze-and-excitation, 0.25 in RegNetY;
    - `stem_channels`: 32 in all the paper's models.

    Raises `SpecError`.
    """

    depth: int
    w_0: int
    w_a: float
    w_m: float
    group_width: int
    bottleneck_multiplier: float = 1.0
    se_ratio: float = 0.0
    stem_channels: int = 32

    def __post_init__(self) -> None:
        check = FieldChecker(self)
        check.integer("depth", 1, MAX_BLOCKS)
        for name in ("w_0", "group_width", "stem_channels"):
            check.integer(name, 1, MAX_CHANNELS)
        check.number("w_a", 0, MAX_CHANNELS, "a number of at least 0", lambda w_a: w_a >= 0)
        check.number("w_m", 1, MAX_CHANNELS, "a number above 1", lambda w_m: w_m > 1)
        check.number("se_ratio", 0, 1, "a number from 0 to 1", lambda ratio: 0 <= ratio <= 1)
        if self.w_0 % WIDTH_STEP:
            raise SpecError(f"w_0 must be a multiple of {WIDTH_STEP}; got {self.w_0}")
        check.number(
            "bottleneck_multiplier", 1 / MAX_CHANNELS, MAX_CHANNELS,
            "a positive number that is whole or below 1", lambda b: 0 < b < 1 or b % 1 == 0 < b,
        )  # fmt: skip
        last = self.w_0 + self.w_a * (self.depth - 1)
        if last > MAX_CHANNELS:
            raise SpecError(
                f"w_0 + w_a (depth - 1) must be at most {MAX_CHANNELS:,}; got {last:,.6g}"
            )

    @property
    def linear_widths(self) -> tuple[float, ...]:
        """u_j = w_0 + w_a j for every block j < depth, in channels (equation 2)."""
        return tuple(self.w_0 + self.w_a * j for j in range(self.depth))

    @property
    def levels(self) -> tuple[int, ...]:
        """s_j for every block j: the exponent of w_m whose width is nearest (equation 3)."""
        return tuple(round(log(u / self.w_0) / log(self.w_m)) for u in self.linear_widths)

    @property
    def quantised_widths(self) -> tuple[int, ...]:
        """w_0 w_m^s_j for every block j, a multiple of 8 (equation 4)."""
        return tuple(
            round(self.w_0 * self.w_m**level / WIDTH_STEP) * WIDTH_STEP for level in self.levels
        )

    @property
    def stages(self) -> tuple[StageSpec, ...]:
        """A stage for each quantised width, with compatible group widths."""
        return tuple(
            compatible_stage(depth, width, self.group_width, self.bottleneck_multiplier)
            for width, depth in Counter(self.quantised_widths).items()
        )

    def network(self, num_classes: int = 1000, in_channels: int = 3) -> AnyNetSpec:
        """The whole network, with a stem of stride 2 and no biases before batch norms."""
        return AnyNetSpec(
            self.stem_channels,
            self.stages,
            num_classes,
            in_channels,
            conv_bias=False,
            se_ratio=self.se_ratio,
        )


def compatible_stage(
    depth: int, channels: int, group_width: int, bottleneck_multiplier: float = 1.0
) -> StageSpec:
    """A stage whose channels are adjusted to its group width, as in pycls.

    The group width is at most the bottleneck's channels, which are rounded to a multiple of it.
    Raises `SpecError`.
    """
    channels = checked_integer("channels", channels, 1, MAX_CHANNELS)
    group_width = checked_integer("group_width", group_width, 1, MAX_CHANNELS)
    bottleneck_multiplier = checked_number(
        "bottleneck_multiplier", bottleneck_multiplier, 1 / MAX_CHANNELS, MAX_CHANNELS
    )
    bottleneck = int(max(1, channels * bottleneck_multiplier))
    group_width = min(group_width, bottleneck)
    # The block's channels, bottleneck / multiplier, must also be whole if the multiplier is > 1.
    multiple = lcm(group_width, int(max(1, bottleneck_multiplier)))
    bottleneck = max(1, round(bottleneck / multiple)) * multiple
    return StageSpec(
        depth, int(bottleneck / bottleneck_multiplier), group_width, bottleneck_multiplier
    )


REGNETS: Final[dict[str, RegNetSpec]] = {
    "regnetx_200mf": RegNetSpec(13, 24, 36.44, 2.49, 8),
    "regnetx_400mf": RegNetSpec(22, 24, 24.48, 2.54, 16),
    "regnetx_600mf": RegNetSpec(16, 48, 36.97, 2.24, 24),
    "regnetx_800mf": RegNetSpec(16, 56, 35.73, 2.28, 16),
    "regnetx_1.6gf": RegNetSpec(18, 80, 34.01, 2.25, 24),
    "regnetx_3.2gf": RegNetSpec(25, 88, 26.31, 2.25, 48),
    "regnetx_4.0gf": RegNetSpec(23, 96, 38.65, 2.43, 40),
    "regnetx_6.4gf": RegNetSpec(17, 184, 60.83, 2.07, 56),
    "regnetx_8.0gf": RegNetSpec(23, 80, 49.56, 2.88, 120),
    "regnetx_12gf": RegNetSpec(19, 168, 73.36, 2.37, 112),
    "regnetx_16gf": RegNetSpec(22, 216, 55.59, 2.1, 128),
    "regnetx_32gf": RegNetSpec(23, 320, 69.86, 2.0, 168),
    "regnety_200mf": RegNetSpec(13, 24, 36.44, 2.49, 8, se_ratio=0.25),
    "regnety_400mf": RegNetSpec(16, 48, 27.89, 2.09, 8, se_ratio=0.25),
    "regnety_600mf": RegNetSpec(15, 48, 32.54, 2.32, 16, se_ratio=0.25),
    "regnety_800mf": RegNetSpec(14, 56, 38.84, 2.4, 16, se_ratio=0.25),
    "regnety_1.6gf": RegNetSpec(27, 48, 20.71, 2.65, 24, se_ratio=0.25),
    "regnety_3.2gf": RegNetSpec(21, 80, 42.63, 2.66, 24, se_ratio=0.25),
    "regnety_4.0gf": RegNetSpec(22, 96, 31.41, 2.24, 64, se_ratio=0.25),
    "regnety_6.4gf": RegNetSpec(25, 112, 33.22, 2.27, 72, se_ratio=0.25),
    "regnety_8.0gf": RegNetSpec(17, 192, 76.82, 2.19, 56, se_ratio=0.25),
    "regnety_12gf": RegNetSpec(19, 168, 73.36, 2.37, 112, se_ratio=0.25),
    "regnety_16gf": RegNetSpec(18, 200, 106.23, 2.48, 112, se_ratio=0.25),
    "regnety_32gf": RegNetSpec(20, 232, 115.89, 2.53, 232, se_ratio=0.25),
}
"""The paper's RegNetX and RegNetY models (section 5), named by FLOPs at 224x224 pixels (pycls)."""
