"""What is measured: networks at a size and a batch."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.arch import REGNETX32, AnyNetSpec, count, find_spec, plan


@dataclass(frozen=True)
class Case:
    """A network, the side of its square images in pixels, and the images in a batch."""

    network: str
    spec: AnyNetSpec
    image_size: int
    batch: int

    @property
    def name(self) -> str:
        """What tables call it."""
        return f"{self.network}, {self.image_size} px, batch {self.batch}"

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(channels, height, width)."""
        return (self.spec.in_channels, self.image_size, self.image_size)

    def batch_of_images(self) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
        """Random images uint8 (N, C, H, W) and labels int32 (N,)."""
        stream = np.random.default_rng(0)
        images = stream.integers(0, 256, (self.batch, *self.image_shape), np.uint8)
        return images, stream.integers(0, self.spec.num_classes, self.batch, np.int32)

    def to_dict(self) -> dict[str, Any]:
        """Plain data from which `from_dict` gives an equal case."""
        return {
            "network": self.network,
            "spec": self.spec.to_dict(),
            "image_size": self.image_size,
            "batch": self.batch,
        }

    @staticmethod
    def from_dict(data: dict[str, Any]) -> "Case":
        """A case from what `to_dict` gave."""
        spec = AnyNetSpec.from_dict(data["spec"])
        return Case(data["network"], spec, data["image_size"], data["batch"])

    def describe(self) -> dict[str, Any]:
        """Plain data with what the network costs, for reports.

        `flops` are multiply-adds of one image forward. `traffic` are the bytes that one image's
        convolutions and linear layers read and write forward when each array passes through
        memory once, in float32.
        """
        cost = count(self.spec, self.image_size)
        elements = sum(
            int(np.prod(layer.in_shape) + np.prod(layer.out_shape))
            for layer in plan(self.spec, self.image_size)
            if layer.op in ("conv", "linear")
        )
        sizes = {"network": self.network, "image_size": self.image_size, "batch": self.batch}
        return {**sizes, "params": cost.params, "flops": cost.flops, "traffic": 4 * elements}


def _named(name: str, title: str, image_size: int, batch: int) -> Case:
    return Case(title, find_spec(name), image_size, batch)


def _two_stages(group_width: int | None) -> Case:
    """A small network whose grouped convolutions are most of its work."""
    spec = AnyNetSpec.from_arch(((2, 48, group_width, 1), (2, 96, group_width, 1)), 32)
    return Case(f"48-96, group width {group_width or 'none'}", spec, 32, 64)


REGNETX32_CASE = Case("RegNetX32", REGNETX32, 96, 128)
REGNETY_400MF_CASE = _named("regnety_400mf", "RegNetY-400MF", 224, 16)

FLAGSHIPS = (REGNETX32_CASE, REGNETY_400MF_CASE)
"""The two networks whose training and inference are measured."""

SHAPES = (
    *(_two_stages(width) for width in (1, 8, 16, 24, 48, None)),
    *(
        _named(name, title, size, batch)
        for name, title in (("regnetx_400mf", "RegNetX-400MF"), ("regnety_800mf", "RegNetY-800MF"))
        for size, batch in ((64, 16), (224, 4))
    ),
)
"""Other shapes, in training."""

COMPILED_CASE = _named("regnety_16gf", "RegNetY-16GF", 64, 2)
"""The network whose first step is timed."""

BUILT_CASES = (REGNETX32_CASE, replace(COMPILED_CASE, image_size=224))
"""The networks that are built."""

LOOP_CASE = REGNETX32_CASE


def shrunk(case: Case, whole: bool = False) -> Case:
    """The case as a quick run takes it: tiny images and batches and, unless `whole`, two blocks."""
    case = replace(case, image_size=32, batch=min(case.batch, 4))
    if whole:
        return case
    stages = tuple(replace(stage, depth=1) for stage in case.spec.stages[:2])
    return replace(
        case, network=f"two blocks of {case.network}", spec=replace(case.spec, stages=stages)
    )
