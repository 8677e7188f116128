"""Spaces of MLPs: their rules, their line, and counting whole populations."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from common import MLPSpec, count
from common.errors import SpecError
from common.spaces import (
    ANYNETX_A,
    MLPS,
    MLPS_CONSTANT,
    MLPS_FALLING,
    MLPS_LINE,
    MLPS_RISING,
    Limits,
    Template,
)

SPACES = [MLPS, MLPS_FALLING, MLPS_RISING, MLPS_CONSTANT, MLPS_LINE]
_RULES = {"MLP-falling": np.greater_equal, "MLP-rising": np.less_equal, "MLP-line": np.greater}
_EVERY_SPACE = pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)


def _widths(spec):
    return [stage.channels for stage in spec.stages]


@_EVERY_SPACE
def test_samples_are_members_and_mlps_of_fashion_mnist(space):
    sample = space.sample(50, seed=3)
    assert len(sample) == 50
    assert {(spec.block, spec.image_size, len(spec.stages)) for spec in sample} == {("mlp", 28, 3)}
    assert all(space.contains(spec) for spec in sample)


@_EVERY_SPACE
def test_seeds_decide_the_sample(space):
    first, again, other = (list(space.sample(20, seed)) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_sizes_are_those_of_the_rules():
    assert MLPS.size() == 4**3 * 32**3
    assert MLPS_FALLING.size() == MLPS_RISING.size() == 4**3 * (34 * 33 * 32 // 6)
    assert MLPS_CONSTANT.size() == 4**3 * 32
    assert MLPS_LINE.size() == 10 * 15 * 5_601 * 151


@pytest.mark.parametrize("space", [MLPS_FALLING, MLPS_RISING, MLPS_LINE], ids=lambda s: s.name)
def test_widths_obey_the_rule(space):
    obeys = _RULES[space.name]
    widths = [_widths(spec) for spec in space.sample(200, seed=0)]
    assert all(obeys(before, after) for row in widths for before, after in pairwise(row))


def test_one_width_is_constant():
    assert {len(set(_widths(spec))) for spec in MLPS_CONSTANT.sample(50, seed=0)} == {1}


@pytest.mark.parametrize("space", [MLPS_FALLING, MLPS_RISING, MLPS_CONSTANT], ids=lambda s: s.name)
def test_the_free_space_contains_the_others(space):
    assert all(MLPS.contains(spec) for spec in space.sample(20, seed=0))
    assert not all(space.contains(spec) for spec in MLPS.sample(100, seed=0))


def test_networks_of_the_rule_are_on_the_line():
    inside = MLPSpec(6, 64, 40.0, 2.0).network()
    assert len(inside.stages) == 3
    assert MLPS_LINE.contains(inside)
    assert not MLPS_LINE.contains(MLPSpec(6, 264, 40.0, 2.0).network())
    assert not MLPS_LINE.contains(replace(inside, stages=inside.stages[::-1]))
    assert not MLPS_LINE.contains(replace(inside, stem_channels=128))
    assert not MLPS_LINE.contains(replace(inside, image_size=32))
    assert not MLPS_LINE.contains(ANYNETX_A.sample(1, seed=0)[0])


@_EVERY_SPACE
@pytest.mark.parametrize(
    ("template", "image_size"),
    [
        (MLPS.template, 28),
        (replace(MLPS.template, conv_bias=True, image_size=9), 9),
        (Template(64, num_classes=100, in_channels=3, block="mlp", image_size=1), 1),
    ],
    ids=["fashion-mnist", "biases", "colours"],
)
def test_costs_are_the_plans(space, template, image_size):
    sample = replace(space, template=template).sample(60, seed=0)
    costs = sample.costs(image_size)
    for index, spec in enumerate(sample):
        expected = count(spec, image_size)
        found = (costs.params[index], costs.flops[index], costs.activations[index])
        assert found == (expected.params, expected.flops, expected.activations)


def test_a_stage_of_depth_zero_is_not_there():
    sample = MLPS.sample(30, seed=0)
    depths = sample.depths.copy()
    depths[::2, 1] = 0
    shorter = replace(sample, depths=depths)
    assert [len(spec.stages) for spec in shorter] == [2, 3] * 15
    assert shorter.costs(28).params.tolist() == [count(spec).params for spec in shorter]


def test_costs_at_another_image_size_are_a_spec_error():
    with pytest.raises(SpecError, match="image_size must be that of the mlp, 28x28; got 96x96"):
        MLPS.sample(3, seed=0).costs(96)


@_EVERY_SPACE
def test_limits_keep_what_is_within(space):
    space = replace(space, limits=Limits(params=(3e5, 5e5), image_size=28))
    params = space.sample(100, seed=0).costs(28).params
    assert 3e5 <= params.min() <= params.max() <= 5e5
    assert not space.contains(
        next(s for s in replace(space, limits=Limits()).sample(200, 0) if count(s).params > 5e5)
    )
