"""Log-uniform RegNets: as likely as pycls' rules say, and rejected where they are."""

from collections import Counter
from dataclasses import replace
from itertools import product
from math import log

import pytest

from common.arch import RegNetSpec
from common.spaces import Population, RegNetSpace
from tests.common.spaces import chi_square
from tests.common.spaces.tiny import TINY, choices

TINY_LOG = replace(
    TINY,
    slopes=(8.0, 12.0),
    width_ratios=(1.9, 1.92),
    bottleneck_ratios=(0.5, 1, 4),
    group_widths=(1, 3, 16),
    distribution="log",
)


def _log_chance(values, value):
    """How likely a value is if a log-uniform number is rounded up to one of the values."""
    ends = [values[0] - min(values[1] - values[0], values[0] / 2), *values]
    place = values.index(value)
    return log(ends[place + 1] / ends[place]) / log(ends[-1] / ends[0])


def _log_chances(space):
    """By network, how likely it is; pycls' rule says which candidates are rejected."""
    values = [list(some) for some in choices(space)]
    ratios = [1 / multiplier for multiplier in values[5]]
    chances = Counter()
    for depth, w_0, w_a, w_m, group_width, multiplier in product(*values):
        candidate = RegNetSpec(depth, w_0, w_a, w_m, group_width, multiplier)
        widths = set(candidate.quantised_widths)
        if len(widths) == space.stages == max(candidate.levels) + 1:
            chances[candidate.stages] += (
                _log_chance(values[1], w_0)
                * _log_chance(values[2], w_a)
                * _log_chance(values[3], w_m)
                * _log_chance(values[4], group_width)
                * _log_chance(ratios, 1 / multiplier)
            )
    return {stages: chance / sum(chances.values()) for stages, chance in chances.items()}


@pytest.mark.parametrize(
    "space",
    [TINY_LOG, replace(TINY_LOG, stages=3), replace(TINY_LOG, stages=1, depths=(1, 3))],
    ids=["two stages", "three", "one"],
)
def test_log_networks_are_as_likely_as_pycls_rule_says(space):
    chances = _log_chances(space)
    networks = [space.template.network(stages) for stages in chances]
    expected = dict(zip(
        map(_key, Population.of(networks, space.template)), chances.values(), strict=True
    ))  # fmt: skip
    sampled = Counter(map(_key, space.sample(20_000, seed=0)))
    assert set(sampled) <= set(expected)
    assert chi_square.fits(
        [sampled[key] for key in expected], [20_000 * chance for chance in expected.values()]
    )


def _key(spec):
    return spec.stages


def test_a_log_space_contains_its_candidates_and_no_other_network():
    members = set(_log_chances(TINY_LOG))
    around = replace(TINY_LOG, slopes=(6.0, 14.0), width_ratios=(1.8, 2.0), depths=(1, 8))
    others = list(around.sample(80, seed=0))
    assert [TINY_LOG.contains(spec) for spec in others] == [
        spec.stages in members for spec in others
    ]
    assert 0 < sum(spec.stages in members for spec in others) < 80
    template = TINY_LOG.template
    assert all(TINY_LOG.contains(template.network(stages)) for stages in members)


@pytest.mark.parametrize(
    "line",
    [RegNetSpec(2, 8, 16.0, 1.5, 1), RegNetSpec(4, 8, 1.0, 1.1, 1)],
    ids=["skipped", "merged"],
)
def test_a_log_space_rejects_levels_that_are_merged_or_skipped(line):
    assert len(line.stages) < line.levels[-1] + 1
    one = RegNetSpace(
        "one",
        depths=(line.depth, line.depth),
        initial_widths=(line.w_0, line.w_0),
        slopes=(line.w_a, line.w_a),
        width_ratios=(line.w_m, line.w_m),
        bottleneck_ratios=(1,),
        group_widths=(1,),
        stages=len(line.stages),
    )
    network = one.template.network(line.stages)
    assert one.contains(network)
    assert not replace(one, distribution="log").contains(network)
