"""The plain native formulation of a network, per framework: the yardstick of the benchmarks.

Each module writes the network as a reader of the chapter would, with the framework's own layers
and nothing done for speed. All export `Plain`, a network being trained: `Plain(spec, image_shape)`
with `train_step(images, labels)` and `eval_step(images)`; and `wait()`, which returns when all that
was begun is done. Images are uint8 (N, C, H, W) at the network's size, labels int32 (N,).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from common.arch import AnyNetSpec, projects

RATE = 0.01
"""Learning rate of every step here; it has no influence on time."""


@dataclass(frozen=True)
class BlockShape:
    """What one block is made of; without a shortcut convolution where `project` is false."""

    in_channels: int
    channels: int
    middle: int
    groups: int
    stride: int
    se_channels: int
    project: bool


def block_shapes(spec: AnyNetSpec) -> Iterator[BlockShape]:
    """The blocks of a spec of resnext blocks with batch norms, in order."""
    before = spec.stem_channels
    for stage in spec.stages:
        middle, groups = stage.bottleneck_channels, stage.groups
        for index in range(stage.depth):
            stride = stage.stride if index == 0 else 1
            project = projects(before, stage.channels, stride)
            gates = spec.se_channels(before)
            yield BlockShape(before, stage.channels, middle, groups, stride, gates, project)
            before = stage.channels
