"""The spec of a RegNet or ResNet, inferred from the shapes of its arrays."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from math import floor

from common.arch import AnyNetSpec, StageSpec
from common.errors import SpecError, shortened

Shapes = Mapping[str, tuple[int, ...]]

_IN_CHANNELS, _CLASSES, _SE_RATIO = 3, 1000, 0.25
_FINEST = 100
_RESNET_KERNEL = 7


def recover_spec(shapes: Shapes) -> AnyNetSpec:
    """The network whose arrays have these shapes, by canonical name in canonical layout.

    Conflicts are settled by majority; undetermined fields get the paper's defaults. A comparison of
    the shapes with those of the spec then finds every difference. Strides, which shapes do not
    determine, are RegNet's: 2 in the stem and in every first block with a projected shortcut. A
    7x7 kernel in the stem means a ResNet, whose first stage has stride 1; it is of basic blocks if
    no block has a third convolution. Batch-norm epsilon and momentum are the spec's defaults.
    Raises `SpecError` if there are fewer arrays than blocks.
    """
    depths = _depths(shapes)
    total = sum(depths)
    if total > len(shapes):
        raise SpecError(
            f"depths must be those of the arrays; got {shortened(total)} blocks in "
            f"{len(shapes)} arrays"
        )
    stem = _agreed(shapes, ["stem"], {"conv.weight": 0, "bn.weight": 0, "bn.bias": 0}, 1)
    resnet = _agreed(shapes, ["stem"], {"conv.weight": 2}, 3) == _RESNET_KERNEL
    basic = resnet and not any(".conv3." in name or ".bn3." in name for name in shapes)
    stages: list[StageSpec] = []
    pairs: list[tuple[int, int]] = []
    channels = stem
    for number, depth in enumerate(depths, 1):
        blocks = [f"stage{number}.block{index}" for index in range(1, depth + 1)]
        stage = _basic_stage(shapes, blocks) if basic else _stage(shapes, blocks)
        if resnet and number == 1:
            stage = replace(stage, stride=1)
        stages.append(stage)
        for block in blocks:
            if len(shape := shapes.get(f"{block}.se.fc1.weight", ())) == 2:
                pairs.append((channels, shape[0]))
            channels = stage.channels
    head = {"fc.weight": 0, "fc.bias": 0}
    return AnyNetSpec(
        stem_channels=stem,
        stages=tuple(stages),
        num_classes=_agreed(shapes, ["head"], head, _CLASSES),
        in_channels=_agreed(shapes, ["stem"], {"conv.weight": 1}, _IN_CHANNELS),
        conv_bias=any(".conv" in name and name.endswith(".bias") for name in shapes),
        se_ratio=_se_ratio(pairs) if any(".se.fc" in name for name in shapes) else 0.0,
        block="resnet" if basic else "resnext",
        stem="resnet" if resnet else "simple",
    )


def _depths(shapes: Shapes) -> list[int]:
    """The depth of each stage, by the largest block number that occurs."""
    found: defaultdict[int, int] = defaultdict(int)
    for name in shapes:
        if name.startswith("stage"):
            stage, block = name.split(".")[:2]
            number = int(stage.removeprefix("stage"))
            found[number] = max(found[number], int(block.removeprefix("block")))
    stages = max(found, default=0)
    if stages > len(shapes):
        raise SpecError(
            f"stages must be those of the arrays; got {shortened(stages)} in {len(shapes)} arrays"
        )
    return [max(1, found[number]) for number in range(1, stages + 1)]


def _stage(shapes: Shapes, blocks: list[str]) -> StageSpec:
    channels = _agreed(shapes, blocks, {"conv3.weight": 0, "bn3.weight": 0, "conv4.weight": 0}, 1)
    middle = _agreed(
        shapes, blocks, {"conv1.weight": 0, "conv2.weight": 0, "bn2.weight": 0}, channels
    )
    group_width = _agreed(shapes, blocks, {"conv2.weight": 1}, middle)
    if middle % group_width:
        group_width = middle
    return StageSpec(len(blocks), channels, group_width, middle / channels, _stride(shapes, blocks))


def _basic_stage(shapes: Shapes, blocks: list[str]) -> StageSpec:
    axes = {"conv1.weight": 0, "conv2.weight": 0, "bn2.weight": 0, "conv4.weight": 0}
    channels = _agreed(shapes, blocks, axes, 1)
    return StageSpec(len(blocks), channels, stride=_stride(shapes, blocks))


def _stride(shapes: Shapes, blocks: list[str]) -> int:
    projects = any(f"{blocks[0]}.{name}.weight" in shapes for name in ("conv4", "bn4"))
    return 2 if projects else 1


def _agreed(shapes: Shapes, paths: Iterable[str], axes: Mapping[str, int], default: int) -> int:
    """The most common size of the arrays, each at its axis."""
    found = Counter(
        shape[axis]
        for path in paths
        for array, axis in axes.items()
        if len(shape := shapes.get(f"{path}.{array}", ())) > axis and shape[axis]
    )
    return found.most_common(1)[0][0] if found else default


def _se_ratio(pairs: list[tuple[int, int]]) -> float:
    """The ratio of smallest denominator that gives every block's squeezed channels."""
    if not pairs:
        return _SE_RATIO
    # A width of 1 has no lower bound: smaller ones are rounded up to it.
    lowest = max(
        (squeezed - 0.5) / channels if squeezed > 1 else 0.0 for channels, squeezed in pairs
    )
    highest = min((squeezed + 0.5) / channels for channels, squeezed in pairs)
    if lowest > min(highest, 1):
        return _SE_RATIO
    for denominator in range(1, _FINEST):
        ratio = (floor(lowest * denominator) + 1) / denominator
        if ratio < highest:
            return ratio
    return (lowest + highest) / 2
