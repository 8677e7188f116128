"""Every ready space by its name, and each for small images too."""

from dataclasses import replace
from typing import Final

from common.spaces.anynet import ANYNETX, ANYNETX_A, VIONETS
from common.spaces.mlp import MLPS, MLPS_CONSTANT, MLPS_FALLING, MLPS_LINE, MLPS_RISING, MLPSpace
from common.spaces.population import Template
from common.spaces.regnet import REGNETX, REGNETX_C, REGNETY, RegNetSpace
from common.spaces.small import small
from common.spaces.space import Dimension, Space

DesignSpace = Space | RegNetSpace | MLPSpace
"""Any space: stages with parameters of their own, or stages on a line."""

_NONE: Final = Dimension((1,), "shared")
"""Of blocks that have no groups and no bottleneck."""

RESNETS: Final = replace(
    ANYNETX_A,
    name="ResNet",
    bottleneck_ratios=_NONE,
    group_widths=_NONE,
    template=Template(num_classes=1000, in_channels=3, block="resnet"),
)
"""Networks of two 3x3 convolutions and a shortcut per block: depths and widths are all there is."""

VANILLA: Final = replace(
    RESNETS, name="Vanilla", template=replace(RESNETS.template, block="vanilla")
)
"""Networks of two 3x3 convolutions per block, without shortcuts."""

REGNETX_DEEP: Final = replace(REGNETX, name="RegNetX-deep", depths=(64, 128), slopes=(8.0, 64.0))
"""RegNets of four stages that are deeper than the paper's (chapter exercise 1).

A line of more blocks passes more widths: slopes up to 64 leave four stages to a quarter of the
candidates, those up to 256 only to 6 %.
"""

REGNETX_DEEP_SMALL: Final = replace(small(REGNETX_DEEP), stages=4, slopes=(1.0, 6.0))
"""The same for Fashion-MNIST: four stages of 13 to 25 blocks in all; RegNetX32 has two of 10.

A fifth of the candidates has four stages; of six networks, five are at most 128 wide.
"""

_FULL: Final[tuple[Space | RegNetSpace, ...]] = (
    *ANYNETX, REGNETX, REGNETX_C, REGNETY, *VIONETS.values(), RESNETS, VANILLA, REGNETX_DEEP,
)  # fmt: skip

_MLPS: Final = (MLPS, MLPS_FALLING, MLPS_RISING, MLPS_CONSTANT, MLPS_LINE)

SPACES: Final[dict[str, DesignSpace]] = {
    space.name: space
    for space in (*_FULL, *(small(full) for full in _FULL), REGNETX_DEEP_SMALL, *_MLPS)
}
"""Every ready space by its name; those for small images end in -small, and MLPs are for them."""
