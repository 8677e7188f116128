"""Versions of the spaces for small images, such as Fashion-MNIST's."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, TypeVar

from common.spaces.dimension import Dimension
from common.spaces.regnet import RegNetSpace
from common.spaces.space import Space

AnySpace = TypeVar("AnySpace", bound=Space | RegNetSpace)

_STAGES: Final = 3
_DEPTHS: Final = range(1, 5)
_WIDTHS: Final = range(8, 129, 8)
_MAX_GROUP_WIDTH: Final = 16
_FEWER_BLOCKS: Final = 5


def small(space: AnySpace) -> AnySpace:
    """A space with the same rules and distributions for small images of one channel and 10 classes.

    Networks have three stages. The stem has 16 channels and stride 1; group widths are at most 16.
    Stages of a `Space` have 1 to 4 blocks of 8 to 128 channels.

    A `RegNetSpace` has a fifth of its blocks (3 to 12 for RegNetX, as in three stages of a small
    `Space`), w_0 from 8 to 24 and w_a from 2 to 12; w_m is kept. With larger w_0 or w_a, more of
    its networks would be wider than 128 channels; with smaller w_a, fewer candidates would have
    three stages. Limits that depend on a network's FLOPs are dropped: they are the paper's, for
    images of 224 pixels.
    """
    template = replace(
        space.template,
        stem="simple",
        stem_channels=16,
        stem_stride=1,
        num_classes=10,
        in_channels=1,
    )
    limits = replace(space.limits, params_line=None, activations_root=None)
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
            limits=limits,
        )
    return replace(
        space,
        name=_name(space),
        stages=_STAGES,
        depths=replace(space.depths, values=_DEPTHS),
        widths=replace(space.widths, values=_WIDTHS),
        group_widths=_narrowed(space.group_widths),
        template=template,
        limits=limits,
    )


def _name(space: Space | RegNetSpace) -> str:
    return f"{space.name}-small"


def _narrow(values: Sequence[float]) -> tuple[int, ...]:
    """Those of at most 16; all if none is, as where blocks have one group."""
    return tuple(int(v) for v in values if v <= _MAX_GROUP_WIDTH) or tuple(map(int, values))


def _narrowed(group_widths: Dimension) -> Dimension:
    return replace(group_widths, values=_narrow(group_widths.values))
