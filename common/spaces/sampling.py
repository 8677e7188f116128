"""Rejection sampling: candidates are drawn until enough of them are within the limits."""

from collections.abc import Callable

import numpy as np

from common.bounds import MAX_SAMPLED, MAX_SEED
from common.errors import SpecError
from common.numbers import checked_integer
from common.spaces.limits import Limits
from common.spaces.population import Population

Draw = Callable[[int, np.random.Generator], Population]
"""Draws a number of candidates from a stream; returns those that are networks of the space."""

_FIRST, _MAX = 1 << 10, 1 << 15
"""Candidates per draw, at first and at most; larger arrays would not fit into a core's cache."""

_PATIENCE = 10_000
"""Sampling fails if fewer than one of so many candidates is within the limits."""

_MAX_TRIED = 50_000_000
"""Candidates after which sampling fails, about a minute's work."""


def sample_within(name: str, draw: Draw, limits: Limits, n: int, seed: int) -> Population:
    """The first `n` candidates within the limits; a larger sample of this seed begins with them.

    Raises `SpecError` if too few candidates are within the limits.
    """
    stream = np.random.default_rng(checked_integer("seed", seed, 0, MAX_SEED))
    found = [draw(0, stream)]
    n = checked_integer("n", n, 0, MAX_SAMPLED // found[0].depths.shape[1])
    rows, tried, missing = _FIRST, 0, n
    while missing > 0:
        candidates = draw(rows, stream)
        found.append(candidates.where(limits.mask(candidates)))
        tried, missing = tried + rows, missing - len(found[-1])
        rows = min(2 * rows, _MAX)
        if missing > 0 and tried > min(_PATIENCE * (n - missing + 100), _MAX_TRIED):
            raise SpecError(
                f"limits of {name}: must leave one of {_PATIENCE:,} candidates, and "
                f"{n:,} of {_MAX_TRIED:,}; got {n - missing:,} of {tried:,}; widen them"
            )
    return Population.joined(found).where(slice(n))
