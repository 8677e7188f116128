"""How much of the variance of errors the seeds of the trainings bring."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from common.errors import ConfigError
from common.statistics.distributions import LEVEL, ConfidenceInterval


@dataclass(frozen=True)
class SeedSpread:
    """The spread of the errors of `networks` networks, each trained with `seeds` seeds.

    - `between`: the standard deviation between networks, without the part that seeds bring.
    - `within`: the standard deviation between trainings of one network that differ in their seeds.
    - `share`: of the variance of the networks' mean errors, the part that seeds bring, with its
      range for normal errors.
    """

    networks: int
    seeds: int
    between: float
    within: float
    share: ConfidenceInterval


def seed_spread(errors: ArrayLike) -> SeedSpread:
    """The spread of errors (networks, seeds): a one-way analysis of variance with random effects.

    Raises `ConfigError` for fewer than two networks or two seeds.
    """
    from scipy.stats import f

    table = np.asarray(errors, np.float64)
    networks, seeds = table.shape
    if min(networks, seeds) < 2:
        raise ConfigError(
            f"seeds: must be two or more, of two or more networks; got {seeds} of {networks}"
        )
    freedom = networks - 1, networks * (seeds - 1)
    within = float(table.var(1, ddof=1).mean())
    total = float(table.mean(1).var(ddof=1))
    ratio = within / seeds / total if total > 0 else 1.0
    low, high = f.ppf([(1 - LEVEL) / 2, (1 + LEVEL) / 2], *freedom) * ratio
    return SeedSpread(
        networks,
        seeds,
        max(0.0, total - within / seeds) ** 0.5,
        within**0.5,
        ConfidenceInterval(min(1.0, float(low)), min(1.0, ratio), min(1.0, float(high))),
    )
