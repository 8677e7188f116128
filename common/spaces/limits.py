"""Limits on the complexity of a space's networks."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from common.bounds import MAX_SIDE
from common.errors import SpecError, shortened
from common.numbers import FieldChecker, checked_number, checked_range
from common.spaces.population import Population

Range = tuple[float, float]

_MOST = 1e12
"""Largest number of `params_line` and `activations_root`."""


@dataclass(frozen=True)
class Limits:
    """Minimum and maximum of FLOPs (multiply-adds), parameters and activations; None for no limit.

    FLOPs and activations are those of one image with sides of `image_size` pixels. Two more maxima
    depend on the network's own F billion FLOPs, as in section 4 of the RegNet paper:

    - `params_line`: a and b of a + b F million parameters; 3 and 5.5 in the paper.
    - `activations_root`: c of c sqrt(F) million activations; 6.5 in the paper.

    Raises `SpecError`.
    """

    flops: Range | None = None
    params: Range | None = None
    activations: Range | None = None
    image_size: int = 224
    params_line: Range | None = None
    activations_root: float | None = None

    def __post_init__(self) -> None:
        check = FieldChecker(self)
        check.integer("image_size", 1, MAX_SIDE)
        for name, limit in self._ranges.items():
            check.keep(name, checked_range(name, limit, 0))
        if self.params_line is not None:
            check.keep("params_line", _checked_line(self.params_line))
        if self.activations_root is not None:
            check.number("activations_root", 0, _MOST, "a number of at least 0")

    def mask(self, population: Population) -> NDArray[np.bool_]:
        """Whether each network is within the limits (n,)."""
        inside = np.ones(len(population), bool)
        if not self._ranges and self.params_line is None and self.activations_root is None:
            return inside
        costs = population.costs(self.image_size)
        for name, (low, high) in self._ranges.items():
            values = getattr(costs, name)
            inside &= (low <= values) & (values <= high)
        if self.params_line is not None:
            first, slope = self.params_line
            inside &= costs.params <= 1e6 * (first + slope * costs.flops / 1e9)
        if self.activations_root is not None:
            inside &= costs.activations <= 1e6 * self.activations_root * np.sqrt(costs.flops / 1e9)
        return inside

    @property
    def depends_on_size(self) -> bool:
        """Whether the images' size decides which networks are within the limits."""
        flops = (self.flops, self.activations, self.params_line, self.activations_root)
        return any(limit is not None for limit in flops)

    @property
    def _ranges(self) -> dict[str, Range]:
        named = {"flops": self.flops, "params": self.params, "activations": self.activations}
        return {name: limit for name, limit in named.items() if limit is not None}


def _checked_line(ends: object) -> Range:
    if not isinstance(ends, tuple | list) or len(ends) != 2:
        raise SpecError(
            "params_line must be a and b of a + b F million parameters; got " + shortened(ends)
        )
    first, slope = (checked_number("params_line", end, 0, _MOST) for end in ends)
    return first, slope
