"""Limits on the complexity of a space's networks."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from common.bounds import MAX_SIDE
from common.numbers import FieldChecker, checked_range
from common.spaces.population import Population

Range = tuple[float, float]


@dataclass(frozen=True)
class Limits:
    """Minimum and maximum of FLOPs (multiply-adds), parameters and activations; None for no limit.

    FLOPs and activations are those of one image with sides of `image_size` pixels. Raises
    `SpecError`.
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
        """Whether each network is within the limits (n,)."""
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
