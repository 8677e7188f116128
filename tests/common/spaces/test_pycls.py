"""RegNets from pycls' published sampling rules, one block at a time, against those of this project.

The rules (`pycls/sweep`): a real number is log-uniform between the minimum, less the step or half
the minimum if that is less, and the maximum; it is rounded up to a multiple of the step. The depth
is uniform. Group widths are powers of two; from 8 on, they are log-uniform multiples of 8. Networks
whose number of widths is not that of the highest level plus one are rejected.
"""

from dataclasses import replace

import numpy as np
import pytest

from common.spaces import REGNETX, REGNETX_C, Limits
from common.spaces.population import Population, fitted

NUMBER = 20_000
ROWS = 1 << 17
LIMITS = Limits(flops=(360e6, 400e6))
GROUP_WIDTHS = (1, 2, 4, 8, 16, 24, 32)
"""What pycls draws from 1 to 32."""


def _log_uniform(low, high, step, stream):
    lowest = low - min(step, low / 2)
    return np.ceil(np.exp(stream.uniform(np.log(lowest), np.log(high), ROWS)) / step) * step


def _by_pycls(space, stream):
    """Those of many RegNets that are not rejected, as a population."""
    depth = stream.integers(space.depths[0], space.depths[1] + 1, size=ROWS)
    w_0 = _log_uniform(*space.initial_widths, 8, stream)
    w_a = _log_uniform(*space.slopes, 0.1, stream)
    w_m = _log_uniform(*space.width_ratios, 0.001, stream)
    group_width = 2 ** stream.integers(0, 6, size=ROWS)
    group_width = np.where(group_width >= 8, _log_uniform(8, 32, 8, stream), group_width)
    ratio = stream.choice(space.bottleneck_ratios, size=ROWS)
    block = np.arange(space.depths[1])
    line = w_0[:, None] + w_a[:, None] * block
    level = np.round(np.log(line / w_0[:, None]) / np.log(w_m)[:, None])
    width = (np.round(w_0[:, None] * w_m[:, None] ** level / 8) * 8).astype(np.int64)
    inside = block < depth[:, None]
    new = inside & (np.diff(width, axis=1, prepend=0) > 0)
    kept = (new.sum(1) == space.stages) & (np.where(inside, level, 0).max(1) + 1 == space.stages)
    starts = np.nonzero(new[kept])[1].reshape(-1, space.stages)
    depths = np.diff(starts, axis=1, append=depth[kept, None])
    widths = np.take_along_axis(width[kept], starts, 1)
    ratios, group_widths = (
        one[kept, None].astype(np.int64).repeat(space.stages, 1) for one in (ratio, group_width)
    )
    return fitted(depths, widths, ratios, group_widths, space.template)


def _enough(space, number):
    stream, parts = np.random.default_rng(1), []
    while sum(map(len, parts)) < number:
        candidates = _by_pycls(space, stream)
        parts.append(candidates.where(space.limits.mask(candidates)))
    return Population.joined(parts).where(slice(number))


def _numbers(population):
    costs = population.costs(224)
    stages = {f"w{stage}": widths for stage, widths in enumerate(population.widths.T, 1)}
    return {"depth": population.depths.sum(1), "params": costs.params,
            "activations": costs.activations, "group width": population.group_widths[:, -1],
            **stages}  # fmt: skip


def _distances(space, number):
    from scipy.stats import ks_2samp

    ours, theirs = (_numbers(found) for found in (space.sample(number, 0), _enough(space, number)))
    return {name: ks_2samp(ours[name], theirs[name]).statistic for name in ours}


@pytest.mark.parametrize("space", [REGNETX, REGNETX_C], ids=lambda space: space.name)
def test_regnets_are_distributed_as_those_of_pycls(space):
    space = replace(space, group_widths=GROUP_WIDTHS)
    distances = _distances(space, 4000)
    # The quantile of one of a million for two equal distributions of 4,000.
    assert max(distances.values()) < 0.06


@pytest.mark.full
@pytest.mark.parametrize("space", [REGNETX, REGNETX_C], ids=lambda space: space.name)
def test_regnets_of_400_mf_are_distributed_as_those_of_pycls(space):
    limits = replace(space.limits, flops=LIMITS.flops)
    distances = _distances(replace(space, group_widths=GROUP_WIDTHS, limits=limits), NUMBER)
    assert max(distances.values()) < 0.02, distances
