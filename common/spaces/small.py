"""Versions of the spaces for small images, such as Fashion-MNIST's."""

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
    """A space with the same rules for small images of one channel and 10 classes.

    Networks have three stages. The stem has 16 channels and stride 1; group widths are at most 16.
    Stages of a `Space` have 1 to 4 blocks of 8 to 128 channels.

    A `RegNetSpace` has a fifth of its blocks (3 to 12 for RegNetX, as in three stages of a small
    `Space`), w_0 from 8 to 24 and w_a from 2 to 12; w_m is kept. Of RegNetX's candidates, 36 % then
    have three stages (of the paper's, 19 % have four); half of the networks are at most 64 channels
    wide, and 94 % at most 128. With larger w_0 or w_a, more than a tenth would be wider than 128;
    with smaller w_a, fewer would have three stages.
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
