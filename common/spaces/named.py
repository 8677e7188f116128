"""All named spaces, each also in a version for small images."""

from dataclasses import replace
from typing import Final

from common.spaces.anynet import ANYNETX, ANYNETX_A, VIONETS
from common.spaces.mlp import MLPS, MLPS_CONSTANT, MLPS_FALLING, MLPS_LINE, MLPS_RISING, MLPSpace
from common.spaces.population import Template
from common.spaces.regnet import REGNETX, REGNETX_C, REGNETY, RegNetSpace
from common.spaces.small import small
from common.spaces.space import Dimension, Space

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

A longer line passes more quantised widths. With slopes up to 64, a quarter of the candidates have
four stages; with slopes up to 256, 6 %.
"""

REGNETX_DEEP_SMALL: Final = replace(small(REGNETX_DEEP), stages=4, slopes=(1.0, 6.0))
"""The same for Fashion-MNIST: four stages, 13 to 25 blocks in all (RegNetX32: two stages, 10).

A fifth of the candidates have four stages; five of six networks are at most 128 channels wide.
"""

_FULL: Final[tuple[Space | RegNetSpace, ...]] = (
    *ANYNETX, REGNETX, REGNETX_C, REGNETY, *VIONETS.values(), RESNETS, VANILLA, REGNETX_DEEP,
)  # fmt: skip

_MLPS: Final = (MLPS, MLPS_FALLING, MLPS_RISING, MLPS_CONSTANT, MLPS_LINE)

SPACES: Final[dict[str, DesignSpace]] = {
    space.name: space
    for space in (*_FULL, *(small(full) for full in _FULL), REGNETX_DEEP_SMALL, *_MLPS)
}
"""All named spaces; those for small images end in -small, and MLPs are for small images."""
