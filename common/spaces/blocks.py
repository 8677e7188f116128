"""Spaces of the RegNet paper's other blocks: R, V and VR (section 3.4, figure 10, appendix)."""

from dataclasses import replace
from typing import Final

from common.arch import BlockKind
from common.spaces.anynet import ANYNETX_A, ANYNETX_E
from common.spaces.dimension import Dimension
from common.spaces.regnet import REGNETX, REGNETX_R
from common.spaces.space import Space

_NONE: Final = Dimension((1,), "shared")
"""For blocks without groups and bottlenecks."""


def _with_block(space: Space, block: BlockKind) -> Space:
    return replace(
        space,
        name=f"{space.name}-{block.upper()}",
        bottleneck_ratios=_NONE,
        group_widths=_NONE,
        template=replace(space.template, block=block),
    )


def _without_groups(space: Space) -> Space:
    group_widths = Dimension(REGNETX_R.group_widths, "shared")
    return replace(space, name=f"{space.name}-R", group_widths=group_widths)


REGNETX_V: Final = replace(
    REGNETX,
    name="RegNetX-V",
    bottleneck_ratios=(1,),
    group_widths=(1,),
    template=replace(REGNETX.template, block="v"),
)
"""RegNets of V blocks: one 3x3 convolution each, no shortcut."""

REGNETX_VR: Final = replace(
    REGNETX_V, name="RegNetX-VR", template=replace(REGNETX.template, block="vr")
)
"""RegNets of VR blocks: one 3x3 convolution and a shortcut."""

OTHER_BLOCKS: Final = {
    "R": (_without_groups(ANYNETX_A), _without_groups(ANYNETX_E), REGNETX_R),
    "V": (_with_block(ANYNETX_A, "v"), _with_block(ANYNETX_E, "v"), REGNETX_V),
    "VR": (_with_block(ANYNETX_A, "vr"), _with_block(ANYNETX_E, "vr"), REGNETX_VR),
}
"""By block: AnyNetX A, AnyNetX E and RegNetX, as in figure 10 of the paper."""
