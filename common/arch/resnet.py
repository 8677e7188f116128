"""ResNet and ResNeXt, the baselines of the RegNet paper (section 5), as torchvision builds them."""

from collections.abc import Iterable
from typing import Final

from common.arch.kinds import BlockKind
from common.arch.spec import AnyNetSpec
from common.arch.stage import StageSpec

_STEM: Final = 64
"""Channels of the stem, and of the first stage of basic blocks."""

_EXPANSION: Final = 4
"""Channels of bottleneck blocks over those of basic blocks."""


def _network(block: BlockKind, stages: Iterable[StageSpec]) -> AnyNetSpec:
    return AnyNetSpec(_STEM, tuple(stages), 1000, 3, block, conv_bias=False, stem="resnet")


def _basic(*depths: int) -> AnyNetSpec:
    """A ResNet of basic blocks, by the depths of its four stages."""
    stages = (
        StageSpec(depth, _STEM << stage, stride=2 if stage else 1)
        for stage, depth in enumerate(depths)
    )
    return _network("resnet", stages)


def _bottleneck(*depths: int, groups: int = 1, width: int = _STEM) -> AnyNetSpec:
    """A ResNet or ResNeXt by depths, and by groups of `width` channels in the first stage.

    The 3x3 convolution has the stride (ResNet V1.5).
    """
    stages = (
        StageSpec(
            depth,
            _EXPANSION * _STEM << stage,
            width << stage,
            groups * width / (_EXPANSION * _STEM),
            2 if stage else 1,
        )
        for stage, depth in enumerate(depths)
    )
    return _network("resnext", stages)


RESNET_SPECS: Final[dict[str, AnyNetSpec]] = {
    "resnet18": _basic(2, 2, 2, 2),
    "resnet34": _basic(3, 4, 6, 3),
    "resnet50": _bottleneck(3, 4, 6, 3),
    "resnet101": _bottleneck(3, 4, 23, 3),
    "resnet152": _bottleneck(3, 8, 36, 3),
    "resnext50_32x4d": _bottleneck(3, 4, 6, 3, groups=32, width=4),
    "resnext101_32x8d": _bottleneck(3, 4, 23, 3, groups=32, width=8),
}
"""Published networks with ResNet's stem, by torchvision's and timm's names."""
