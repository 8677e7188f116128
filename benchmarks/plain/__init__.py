"""The plain native formulation of a network, per framework: the yardstick of the benchmarks.

Each module writes the network as a reader of the chapter would, with the framework's own layers
and nothing done for speed. All export `Plain`, a network being trained: `Plain(spec, image_shape)`
with `train_step(images, labels)`, `predict(images)` and `size()`; and `wait()`, which returns when
all that was begun is done. Images are uint8 (N, C, H, W) at the network's size, labels int32 (N,).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from common.arch import AnyNetSpec, projects
from common.errors import SpecError

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
    """The blocks of `spec` in order. Raises `SpecError` for other kinds than resnext."""
    if spec.block != "resnext" or not spec.batch_norm:
        raise SpecError(
            "plain network: must have resnext blocks with batch norms; "
            f"got {spec.block} blocks and batch_norm {spec.batch_norm}"
        )
    channels = spec.stem_channels
    for stage in spec.stages:
        for index in range(stage.depth):
            stride = stage.stride if index == 0 else 1
            yield BlockShape(
                channels,
                stage.channels,
                stage.bottleneck_channels,
                stage.groups,
                stride,
                spec.se_channels(channels),
                projects(channels, stage.channels, stride),
            )
            channels = stage.channels
