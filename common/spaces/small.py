"""The spaces of the same rules for small images, such as Fashion-MNIST's."""

from dataclasses import replace
from typing import Final, TypeVar

from common.spaces.regnet import RegNetSpace
from common.spaces.space import Dimension, Space

AnySpace = TypeVar("AnySpace", bound=Space | RegNetSpace)

_STAGES: Final = 3
_DEPTHS: Final = range(1, 5)
_WIDTHS: Final = range(8, 129, 8)
_MAX_GROUP_WIDTH: Final = 16
_FEWER_BLOCKS: Final = 5


def small(space: AnySpace) -> AnySpace:
    """A space of the same rules for small images: three stages, about 128 wide at most.

    The stem has 16 channels and keeps the size of images with one channel; group widths are at
    most 16. Stages of a `Space` have at most 4 blocks and 128 channels.

    A `RegNetSpace` has a fifth of its blocks, 3 to 12 for RegNetX: about those of three stages of
    a small `Space`. Lines begin at 8 to 24 channels and rise by 2 to 12 per block; w_m is kept.
    Of RegNetX' candidates then 36 % have three stages (the paper's: 19 % have four), half of
    the networks are at most 64 wide and 94 % at most 128. Of steeper lines and of wider beginnings
    a tenth and more would go beyond 128, and fewer of the flatter ones have three stages.
    """
    template = replace(
        space.template, stem_channels=16, stem_stride=1, num_classes=10, in_channels=1
    )
    if isinstance(space, RegNetSpace):
        first, last = space.depths
        return replace(
            space,
            name=_name(space),
            stages=_STAGES,
            depths=(max(_STAGES, -(-first // _FEWER_BLOCKS)), last // _FEWER_BLOCKS),
            initial_widths=(8, 24),
            slopes=(2.0, 12.0),
            group_widths=_narrow(space.group_widths),
            template=template,
        )
    return replace(
        space,
        name=_name(space),
        stages=_STAGES,
        depths=replace(space.depths, values=_DEPTHS),
        widths=replace(space.widths, values=_WIDTHS),
        group_widths=_narrowed(space.group_widths),
        template=template,
    )


def _name(space: Space | RegNetSpace) -> str:
    return f"{space.name}-small"


def _narrow(values: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(value for value in values if value <= _MAX_GROUP_WIDTH)


def _narrowed(group_widths: Dimension) -> Dimension:
    return replace(group_widths, values=_narrow(tuple(group_widths.values)))
