"""One stage of a network, as frozen, validated data."""

import sys
from dataclasses import dataclass

from common.bounds import MAX_BLOCKS, MAX_CHANNELS
from common.errors import SpecError
from common.numbers import FieldChecker


def check_stride(check: FieldChecker, name: str) -> None:
    """Raise `SpecError` unless the field `name` is 1 or 2."""
    stride = check.integer(name, 1, sys.maxsize)
    if stride > 2:
        raise SpecError(f"{name} must be 1 or 2; got {stride}")


@dataclass(frozen=True)
class StageSpec:
    """One stage: `depth` blocks of `channels` channels, the first of them with the stride.

    - `group_width`: channels per group of the 3x3 convolution; None for one group.
    - `bottleneck_multiplier`: the 3x3 convolution's channels over `channels`, 1/b in the paper.
    - `stride`: 1 or 2.

    Raises `SpecError`.
    """

    depth: int
    channels: int
    group_width: int | None = None
    bottleneck_multiplier: float = 1.0
    stride: int = 2

    def __post_init__(self) -> None:
        check = FieldChecker(self)
        check.integer("depth", 1, MAX_BLOCKS)
        check.integer("channels", 1, MAX_CHANNELS)
        check.number("bottleneck_multiplier", 1 / MAX_CHANNELS, MAX_CHANNELS, "a positive number",
                     lambda multiplier: multiplier > 0)  # fmt: skip
        check_stride(check, "stride")
        if not 1 <= self.bottleneck_channels <= MAX_CHANNELS:
            raise SpecError(
                "channels times bottleneck_multiplier must round to at least 1 and at most "
                f"{MAX_CHANNELS:,}; got {self.channels} and {self.bottleneck_multiplier}"
            )
        if self.group_width is not None:
            check.integer("group_width", 1, MAX_CHANNELS)
            if self.bottleneck_channels % self.group_width:
                raise SpecError(
                    "group_width must divide the bottleneck channels; "
                    f"got {self.group_width} and {self.bottleneck_channels}"
                )

    @property
    def bottleneck_channels(self) -> int:
        """Channels of the 3x3 convolution inside a block."""
        return round(self.channels * self.bottleneck_multiplier)

    @property
    def groups(self) -> int:
        """Number of groups of the 3x3 convolution."""
        return 1 if self.group_width is None else self.bottleneck_channels // self.group_width
