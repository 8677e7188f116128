"""All named spaces, each also in a version for small images."""

from dataclasses import replace
from typing import Final

from common.spaces.anynet import ANYNETX, ANYNETX_A, FREED, VIONETS
from common.spaces.blocks import OTHER_BLOCKS
from common.spaces.dimension import Dimension
from common.spaces.limits import Limits
from common.spaces.mlp import MLPS, MLPS_CONSTANT, MLPS_FALLING, MLPS_LINE, MLPS_RISING, MLPSpace
from common.spaces.regnet import (
    REGNETX,
    REGNETX_C,
    REGNETX_INVERTED,
    REGNETY,
    RegNetSpace,
)
from common.spaces.small import AnySpace, small
from common.spaces.space import Space
from common.spaces.template import Template

DesignSpace = Space | RegNetSpace | MLPSpace
"""A space of any kind."""

_NONE: Final = Dimension((1,), "shared")
"""For blocks without groups and bottlenecks."""

RESNETS: Final = replace(
    ANYNETX_A,
    name="ResNet",
    bottleneck_ratios=_NONE,
    group_widths=_NONE,
    template=Template(num_classes=1000, in_channels=3, block="resnet"),
)
"""Blocks of two 3x3 convolutions and a shortcut; only depths and widths vary."""

VANILLA: Final = replace(
    RESNETS, name="Vanilla", template=replace(RESNETS.template, block="vanilla")
)
"""Blocks of two 3x3 convolutions without a shortcut; only depths and widths vary."""

REGNETX_DEEP: Final = replace(REGNETX, name="RegNetX-deep", depths=(64, 128), slopes=(8.0, 64.0))
"""RegNets of four stages that are deeper than the paper's (chapter exercise 1).

A longer line passes more quantised widths. With slopes up to 64, an eighth of the candidates have
four stages.
"""

REGNETX_DEEP_SMALL: Final = replace(small(REGNETX_DEEP), stages=4, slopes=(1.0, 6.0))
"""The same for Fashion-MNIST: four stages, 13 to 25 blocks in all (RegNetX32: two stages, 10).

A sixth of the candidates have four stages.
"""

UNIFORM: Final = "-uniform"
"""Ending of the names of the spaces of version 0.1, with uniform distributions."""


def uniform(space: AnySpace) -> AnySpace:
    """The space with uniform distributions, named NAME-uniform.

    Ready spaces were uniform in version 0.1; a study draws the same networks from NAME-uniform as
    it did from NAME.
    """
    name = f"{space.name}{UNIFORM}"
    if isinstance(space, RegNetSpace):
        return replace(space, name=name, distribution="uniform")
    return replace(
        space,
        name=name,
        depths=replace(space.depths, distribution="uniform"),
        widths=replace(space.widths, distribution="uniform"),
    )


_BEFORE: Final[tuple[Space | RegNetSpace, ...]] = (
    *ANYNETX,
    REGNETX,
    replace(REGNETX_C, depths=(1, 40), limits=Limits()),
    REGNETY,
    *VIONETS.values(),
    RESNETS,
    VANILLA,
    REGNETX_DEEP,
)
"""The spaces of version 0.1."""

_NEW: Final[tuple[Space | RegNetSpace, ...]] = (
    *FREED.values(),
    REGNETX_INVERTED,
    *(space for spaces in OTHER_BLOCKS.values() for space in spaces),
)

_FULL: Final = (*(REGNETX_C if one.name == REGNETX_C.name else one for one in _BEFORE), *_NEW)

_SMALL: Final[tuple[Space | RegNetSpace, ...]] = (*map(small, _BEFORE), REGNETX_DEEP_SMALL)

_MLPS: Final = (MLPS, MLPS_FALLING, MLPS_RISING, MLPS_CONSTANT, MLPS_LINE)

SPACES: Final[dict[str, DesignSpace]] = {
    space.name: space
    for space in (
        *_FULL,
        *(small(full) for full in _FULL),
        REGNETX_DEEP_SMALL,
        *_MLPS,
        *map(uniform, (*_BEFORE, *_SMALL)),
    )
}
"""All named spaces; those for small images end in -small, and MLPs are for small images.

Those that end in -uniform are the spaces of version 0.1.
"""
