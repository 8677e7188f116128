"""The networks of a study: sampling them from its spaces, and summarising them in numbers."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from common.arch import AnyNetSpec, count
from common.spaces import SPACES, UNIFORM, DesignSpace
from common.spaces.population import inverse
from common.studies.config import StudyConfig
from common.training import TrainConfig


@dataclass(frozen=True)
class SampledNetwork:
    """One network of a study: the `index`-th of its space, from 0.

    In a study with several seeds, `repeat` is the number of the training, from 0.
    """

    space: str
    index: int
    spec: AnyNetSpec
    repeat: int = 0

    @property
    def name(self) -> str:
        """Its name within the study, such as AnyNetXA-small/12, or /12@1 for its second seed."""
        return f"{self.space}/{self.index}" + (f"@{self.repeat}" if self.repeat else "")

    @property
    def numbers(self) -> dict[str, float]:
        """Its depth, and its mean w, b and g over all blocks."""
        return design(self.spec)

    @property
    def parameters(self) -> dict[str, float]:
        """The sampled parameters of its stages."""
        return stage_parameters(self.spec)

    @property
    def widths(self) -> list[int]:
        """Channels of each block."""
        return [stage.channels for stage in self.spec.stages for _ in range(stage.depth)]

    def to_dict(self) -> dict[str, Any]:
        """What it is, as plain data for its record."""
        return {"spec": self.spec.to_dict()}


def draw(space: DesignSpace, start: int, stop: int, seed: int) -> Iterator[SampledNetwork]:
    """The networks `start` to `stop` - 1 of a study's space.

    The sequence depends only on the seed and the space's name. Of a ready space NAME-uniform it is
    the sequence that version 0.1 drew from NAME.
    """
    name = space.name.removesuffix(UNIFORM) if space.name in SPACES else space.name
    sequence = np.random.SeedSequence([seed, zlib.crc32(name.encode())])
    population = space.sample(stop, int(sequence.generate_state(1)[0]))
    for index in range(start, stop):
        yield SampledNetwork(space.name, index, population[index])


def draw_all(config: StudyConfig, start: int = 0) -> list[SampledNetwork]:
    """The networks of a study from `start` on, alternating between its spaces.

    With several seeds, all networks for the first one come first.
    """
    drawn = [draw(space, start, config.networks, config.seed) for space in config.designed]
    networks = [network for group in zip(*drawn, strict=True) for network in group]
    repeats = range(1, config.seeds)
    return networks + [replace(own, repeat=repeat) for repeat in repeats for own in networks]


def seeded(config: TrainConfig, network: SampledNetwork) -> TrainConfig:
    """How a network is trained: each repeat with the next seed."""
    return replace(config, seed=config.seed + network.repeat) if network.repeat else config


def stage_parameters(spec: AnyNetSpec) -> dict[str, float]:
    """The sampled parameters, by their symbols in the paper: d1, w1, b1, g1, d2, ..."""
    values: dict[str, float] = {}
    for number, stage in enumerate(spec.stages, 1):
        values[f"d{number}"] = stage.depth
        values[f"w{number}"] = stage.channels
        if spec.block == "resnext":
            ratio = inverse(stage.bottleneck_multiplier)
            values[f"b{number}"] = ratio if ratio < 1 else round(ratio)
            values[f"g{number}"] = stage.group_width or stage.bottleneck_channels
    return values


def design(spec: AnyNetSpec) -> dict[str, float]:
    """A network in four numbers: its depth, and its mean w, b and g over all blocks."""
    depths = np.array([stage.depth for stage in spec.stages])
    columns = {"width": np.array([stage.channels for stage in spec.stages])}
    if spec.block == "resnext":
        columns["bottleneck ratio"] = np.array([1 / s.bottleneck_multiplier for s in spec.stages])
        columns["group width"] = np.array([s.group_width or s.bottleneck_channels
                                           for s in spec.stages])  # fmt: skip
    means = {name: float(np.average(values, weights=depths)) for name, values in columns.items()}
    return {"depth": float(depths.sum()), **means}


def complexity(spec: AnyNetSpec, image_size: tuple[int, int]) -> dict[str, int]:
    """Parameters, multiply-adds and activations for images of (height, width) pixels."""
    counts = count(spec, image_size)
    return {
        "params": counts.params,
        "flops": counts.flops,
        "activations": counts.activations,
    }
