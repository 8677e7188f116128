"""Distributions of a dimension: small enough for all rows to be gone through."""

from collections import Counter
from dataclasses import replace
from itertools import product
from math import log, prod

import numpy as np
import pytest

from common import count
from common.arch.regnet import compatible_stage
from common.errors import SpecError
from common.spaces import ANYNETX_A, REGNETX_R, Dimension, Limits, Population, small
from common.spaces.dimension import log_masses
from common.spaces.population import fitted
from tests.common.spaces import chi_square

RULES = ("free", "shared", "increasing", "decreasing")


def test_a_log_uniform_number_is_rounded_up_to_the_next_value():
    masses = log_masses((8, 16, 24, 1024))
    whole = log(1024 / 4)
    expected = [log(8 / 4), log(16 / 8), log(24 / 16), log(1024 / 24)]
    assert masses == pytest.approx([part / whole for part in expected])


@pytest.mark.parametrize("values", [(1, 2, 4), (1, 2, 4, 8, 16, 32), (0.25, 0.5, 1), (7,)])
def test_powers_of_two_are_equally_likely(values):
    assert log_masses(values) == pytest.approx([1 / len(values)] * len(values))


@pytest.mark.parametrize("rule", RULES)
def test_choices_are_those_of_independent_stages_that_obey_the_rule(rule):
    dimension = Dimension((1, 2, 3, 7), rule, "log")
    chance = dict(zip(dimension.values, log_masses(dimension.values), strict=True))
    rows = [row for row in product(dimension.values, repeat=3) if dimension.allows(row)]
    stages = 1 if rule == "shared" else 3
    weights = np.array([prod(chance[value] for value in row[:stages]) for row in rows])
    drawn = dimension.sample(60_000, 3, np.random.default_rng(0))
    seen = Counter(map(tuple, drawn.tolist()))
    assert set(seen) == set(rows)
    assert chi_square.fits([seen[row] for row in rows], 60_000 * weights / weights.sum())


@pytest.mark.parametrize("rule", RULES)
def test_a_uniform_dimension_draws_what_it_drew_in_version_0_1(rule):
    stream, again = np.random.default_rng(3), np.random.default_rng(3)
    drawn = Dimension((8, 16, 24), rule).sample(5, 2, stream)
    expected = {
        "free": lambda: again.integers(3, size=(5, 2)),
        "shared": lambda: again.integers(3, size=(5, 1)).repeat(2, 1),
        "increasing": lambda: _sets(again),
        "decreasing": lambda: _sets(again)[:, ::-1],
    }[rule]()
    assert drawn.tolist() == (8 * (expected + 1)).tolist()


def _sets(stream):
    """Sorted pairs of different numbers below 4, less 0 and 1."""
    found = np.empty((0, 2), np.int64)
    while len(found) < 5:
        pairs = np.sort(stream.integers(4, size=(5 - len(found), 2)), axis=1)
        found = np.concatenate([found, pairs[pairs[:, 0] < pairs[:, 1]]])
    return found - [0, 1]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ((0.3, 1), "rising positive integers or inverses of integers; got [0.3, 1]"),
        ((0.5, 0.25), "rising positive integers or inverses"),
        ((1, 0.5), "rising positive integers; got"),
        ((0.5, 1.5), "rising positive integers; got"),
        ((0.0, 1), "rising positive integers; got (0.0, 1)"),
        (3, "rising positive integers; got 3"),
    ],
    ids=str,
)
def test_values_are_integers_or_inverses_of_integers(values, message):
    with pytest.raises(SpecError) as error:
        Dimension(values)
    assert message in str(error.value)


INVERTED = replace(
    small(ANYNETX_A), name="inverted", bottleneck_ratios=Dimension((1 / 3, 0.5, 1, 2))
)


def test_inverted_bottlenecks_are_fitted_as_one_stage_is():
    depths, widths, ratios, group_widths = (
        dimension.sample(300, 3, np.random.default_rng(1))
        for dimension in (
            INVERTED.depths, INVERTED.widths, INVERTED.bottleneck_ratios, INVERTED.group_widths
        )
    )  # fmt: skip
    population = fitted(depths, widths, ratios, group_widths, INVERTED.template)
    for row in range(300):
        assert population[row].stages == tuple(
            compatible_stage(*stage[:3], stage[3])
            for stage in zip(
                depths[row].tolist(), widths[row].tolist(), group_widths[row].tolist(),
                [1 / ratio for ratio in ratios[row].tolist()], strict=True,
            )
        )  # fmt: skip


def test_inverted_bottlenecks_are_counted_as_the_plan_counts():
    population = INVERTED.sample(40, seed=0)
    costs = population.costs(28)
    expected = [count(spec, 28) for spec in population]
    assert costs.flops.tolist() == [counted.flops for counted in expected]
    assert costs.params.tolist() == [counted.params for counted in expected]
    assert costs.activations.tolist() == [counted.activations for counted in expected]


def test_networks_with_inverted_bottlenecks_are_members_of_their_space():
    population = INVERTED.sample(20, seed=0)
    assert population.bottleneck_ratios.min() < 1
    assert all(INVERTED.contains(spec) for spec in population)
    assert not any(small(ANYNETX_A).contains(spec) for spec in population.where(
        (population.bottleneck_ratios < 1).any(axis=1)))  # fmt: skip
    again = Population.of(list(population), population.template)
    assert (again.bottleneck_ratios == population.bottleneck_ratios).all()


def test_blocks_without_groups_have_one_group():
    assert {stage.groups for spec in small(REGNETX_R).sample(20, 0) for stage in spec.stages} == {1}


@pytest.mark.parametrize("limits", [Limits(params_line=(3.0, 5.5)), Limits(activations_root=6.5)])
def test_maxima_that_depend_on_the_network_follow_its_own_flops(limits):
    population = ANYNETX_A.sample(60, seed=0)
    inside = []
    for spec in population:
        counted = count(spec, 224)
        billions = counted.flops / 1e9
        most = {"params": 3 + 5.5 * billions, "activations": 6.5 * billions**0.5}
        name = "params" if limits.params_line else "activations"
        inside.append(getattr(counted, name) <= 1e6 * most[name])
    assert limits.mask(population).tolist() == inside
    assert 0 < sum(inside) < 60
