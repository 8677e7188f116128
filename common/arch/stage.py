"""One stage of a network, as frozen, validated data."""

import sys
from dataclasses import dataclass

from common.bounds import MAX_BLOCKS, MAX_CHANNELS
from common.errors import SpecError, shortened
from common.numbers import FieldChecker, checked_integer, checked_number


def checked_stride(where: str, stride: object) -> int:
    """A stride, 1 or 2, as a plain int. Raises `SpecError`."""
    number = checked_integer(where, stride, 1, sys.maxsize)
    if number > 2:
        raise SpecError(f"{where} must be 1 or 2; got {shortened(number)}")
    return number


def checked_channels(channels: object) -> int:
    """A number of channels as a plain int. Raises `SpecError`."""
    return checked_integer("channels", channels, 1, MAX_CHANNELS)


def bottleneck(
    channels: int, group_width: int | None, bottleneck_multiplier: float
) -> tuple[int, int]:
    """Channels and groups of the 3x3 convolution in a ResNeXt block of `channels` channels.

    `group_width` and `bottleneck_multiplier` are those of a `StageSpec`. Raises `SpecError`.
    """
    channels = checked_channels(channels)
    multiplier = checked_number(
        "bottleneck_multiplier", bottleneck_multiplier, 1 / MAX_CHANNELS, MAX_CHANNELS,
        "a positive number", holds=lambda multiplier: multiplier > 0,
    )  # fmt: skip
    width = round(channels * multiplier)
    if not 1 <= width <= MAX_CHANNELS:
        raise SpecError(
            "channels times bottleneck_multiplier must round to at least 1 and at most "
            f"{MAX_CHANNELS:,}; got {channels} and {multiplier}"
        )
    if group_width is None:
        return width, 1
    group_width = checked_integer("group_width", group_width, 1, MAX_CHANNELS)
    if width % group_width:
        raise SpecError(
            f"group_width must divide the bottleneck channels; got {group_width} and {width}"
        )
    return width, width // group_width


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
        check.keep("stride", checked_stride("stride", self.stride))
        if self.group_width is not None:
            check.integer("group_width", 1, MAX_CHANNELS)
        bottleneck(self.channels, self.group_width, self.bottleneck_multiplier)

    @property
    def bottleneck_channels(self) -> int:
        """Channels of the 3x3 convolution inside a block."""
        return round(self.channels * self.bottleneck_multiplier)

    @property
    def groups(self) -> int:
        """Number of groups of the 3x3 convolution."""
        return 1 if self.group_width is None else self.bottleneck_channels // self.group_width
