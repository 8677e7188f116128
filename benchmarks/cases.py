"""What is measured: networks at an image size and a batch size."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.arch import REGNETX32, AnyNetSpec, find_spec


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
        return {**vars(self), "spec": self.spec.to_dict()}

    @staticmethod
    def from_dict(data: dict[str, Any]) -> "Case":
        """A case from what `to_dict` gave."""
        return Case(**{**data, "spec": AnyNetSpec.from_dict(data["spec"])})


RegNetX32 = Case("RegNetX32", REGNETX32, 96, 128)
RegNetY_400MF = Case("RegNetY-400MF", find_spec("regnety_400mf"), 224, 16)
RegNetY_16GF = Case("RegNetY-16GF", find_spec("regnety_16gf"), 64, 2)
"""The network whose first step is timed."""
RegNetX_200MF = Case("RegNetX-200MF", find_spec("regnetx_200mf"), 224, 16)
"""The network that is fed with photos: a small one, for which preparing them counts most."""

FLAGSHIPS = (RegNetX32, RegNetY_400MF)
"""The two networks whose training, inference and memory are measured."""


def shrunk(case: Case) -> Case:
    """The case as a quick run takes it: two blocks, a tiny image size and a small batch."""
    stages = tuple(replace(stage, depth=1) for stage in case.spec.stages[:2])
    spec = replace(case.spec, stages=stages)
    return Case(f"two blocks of {case.network}", spec, 32, min(case.batch, 4))
