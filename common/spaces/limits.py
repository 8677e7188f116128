"""Limits on the complexity of networks."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from common.bounds import MAX_SIDE
from common.numbers import FieldChecker, checked_range
from common.spaces.population import Population

Range = tuple[float, float]


@dataclass(frozen=True)
class Limits:
    """The least and the most multiply-adds, parameters and activations; none means no limit.

    Multiply-adds and activations are those of an image of `image_size` pixels. Raises `SpecError`.
    """

    flops: Range | None = None
    params: Range | None = None
    activations: Range | None = None
    image_size: int = 224

    def __post_init__(self) -> None:
        check = FieldChecker(self)
        check.integer("image_size", 1, MAX_SIDE)
        for name, limit in self._ranges.items():
            check.keep(name, checked_range(name, limit, 0))

    def mask(self, population: Population) -> NDArray[np.bool_]:
        """Which networks are within the limits (n,)."""
        inside = np.ones(len(population), bool)
        if self._ranges:
            costs = population.costs(self.image_size)
            for name, (low, high) in self._ranges.items():
                values = getattr(costs, name)
                inside &= (low <= values) & (values <= high)
        return inside

    @property
    def _ranges(self) -> dict[str, Range]:
        named = {"flops": self.flops, "params": self.params, "activations": self.activations}
        return {name: limit for name, limit in named.items() if limit is not None}
