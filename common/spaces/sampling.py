"""Drawing from a space until there are enough networks within its limits."""

from collections.abc import Callable

import numpy as np

from common.errors import SpecError
from common.spaces.limits import Limits
from common.spaces.population import Population

Draw = Callable[[int, np.random.Generator], Population]
"""Candidates by their number and a stream; fewer than that when some are no networks."""

_MOST_AT_ONCE = 1 << 15
"""Candidates that are drawn together: their arrays stay in a core's cache."""

_PATIENCE = 10_000
"""Candidates of which one must be within the limits."""


def sample_within(name: str, draw: Draw, limits: Limits, n: int, seed: int) -> Population:
    """The first `n` candidates within the limits. Raises `SpecError` when there are too few."""
    stream = np.random.default_rng(seed)
    found, tried, missing = [draw(0, stream)], 0, n
    while missing > 0:
        share = max((n - missing) / tried if tried else 1.0, 1 / _PATIENCE)
        rows = min(_MOST_AT_ONCE, int(missing / share) + 16)
        candidates = draw(rows, stream)
        found.append(candidates.where(limits.mask(candidates)))
        tried, missing = tried + rows, missing - len(found[-1])
        if missing > 0 and tried > _PATIENCE * (n - missing + 100):
            raise SpecError(
                f"limits of {name}: must leave one of {_PATIENCE:,} candidates; got "
                f"{n - missing} of {tried:,}; widen them"
            )
    return Population.joined(found).where(slice(n))
