"""AnyNet spaces: sizes, membership, uniformity, limits, and counting whole populations."""

from dataclasses import replace
from itertools import pairwise, product

import numpy as np
import pytest

from common import AnyNetSpec, count
from common.arch.regnet import compatible_stage
from common.errors import SpecError
from common.spaces import (
    ANYNETX,
    ANYNETX_A,
    ANYNETX_C,
    ANYNETX_E,
    OTHER_BLOCKS,
    RESNETS,
    SPACES,
    VANILLA,
    VIONETS,
    Dimension,
    Limits,
    Population,
    Space,
    Template,
    small,
)

OF_STAGES = [space for space in SPACES.values() if isinstance(space, Space)]
TINY = Space(
    "tiny",
    depths=Dimension((1, 2), "increasing"),
    widths=Dimension((8, 16, 24), "increasing"),
    bottleneck_ratios=Dimension((1, 2), "shared"),
    group_widths=Dimension((1, 4, 16)),
    stages=2,
)


def _name(space):
    return space.name


def _every_candidate(space):
    """All networks of a space by going through all choices of every parameter."""

    def choices(dimension):
        chosen = product(dimension.values, repeat=space.stages)
        return [values for values in chosen if dimension.allows(values)]

    dimensions = (space.depths, space.widths, space.bottleneck_ratios, space.group_widths)
    return [
        space.template.network(
            tuple(
                compatible_stage(depth, width, group_width, 1 / ratio)
                for depth, width, ratio, group_width in zip(*chosen, strict=True)
            )
        )
        for chosen in product(*map(choices, dimensions))
    ]


def test_sizes_are_those_of_the_paper():
    sizes = [space.size() for space in ANYNETX]
    assert sizes[0] == (16 * 128 * 3 * 6) ** 4
    reductions = [before / after for before, after in pairwise(sizes)]
    assert reductions[:2] == [3**3, 6**3]
    # Four values that never decrease are about one of 4! orders of four values.
    assert reductions[2] == pytest.approx(24, rel=0.05)
    assert reductions[3] == pytest.approx(24, rel=0.35)


@pytest.mark.parametrize("rule", ["free", "shared", "increasing", "decreasing"])
def test_a_dimension_has_as_many_choices_as_it_allows(rule):
    dimension = Dimension((1, 3, 4, 8), rule)
    allowed = [choice for choice in product(dimension.values, repeat=3) if dimension.allows(choice)]
    assert dimension.size(3) == len(allowed)
    sampled = dimension.sample(2000, 3, np.random.default_rng(0))
    assert {tuple(row) for row in sampled.tolist()} == set(allowed)


@pytest.mark.parametrize("rule", ["free", "shared", "increasing", "decreasing"])
def test_choices_are_uniform(rule):
    dimension = Dimension((1, 3, 4, 8), rule)
    sampled = dimension.sample(40_000, 3, np.random.default_rng(1))
    _, seen = np.unique(sampled, axis=0, return_counts=True)
    expected = seen.sum() / dimension.size(3)
    freedom = dimension.size(3) - 1
    chi_square = ((seen - expected) ** 2 / expected).sum()
    assert chi_square < freedom + 4 * (2 * freedom) ** 0.5


def test_the_size_is_the_number_of_candidates():
    candidates = _every_candidate(TINY)
    assert TINY.size() == len(candidates)
    sampled = {spec.to_json() for spec in TINY.sample(20_000, seed=0)}
    assert sampled == {spec.to_json() for spec in candidates}


def test_a_space_contains_its_candidates_and_no_other_network():
    candidates = {spec.to_json() for spec in _every_candidate(TINY)}
    free = TINY.but("free", **dict.fromkeys(
        ("depths", "widths", "bottleneck_ratios", "group_widths"), "free"))  # fmt: skip
    others = free.sample(300, seed=0)
    assert {spec.to_json() for spec in others} - candidates
    for spec in others:
        assert TINY.contains(spec) == (spec.to_json() in candidates)


@pytest.mark.parametrize("space", OF_STAGES, ids=_name)
def test_samples_are_members_and_valid(space):
    sample = space.sample(50, seed=3)
    assert len(sample) == 50
    assert all(space.contains(spec) for spec in sample)


@pytest.mark.parametrize("space", OF_STAGES, ids=_name)
def test_seeds_decide_the_sample(space):
    first, again, other = (space.sample(20, seed) for seed in (1, 1, 2))
    assert list(first) == list(again)
    assert list(first) != list(other)


def test_each_space_contains_the_next_one():
    for wide, narrow in pairwise(ANYNETX):
        assert all(wide.contains(spec) for spec in narrow.sample(20, seed=0))
        assert not all(narrow.contains(spec) for spec in wide.sample(100, seed=0))


def test_violators_are_outside():
    for space in VIONETS.values():
        inside = [ANYNETX_E.contains(spec) for spec in space.sample(100, seed=0)]
        assert np.mean(inside) < 0.2


@pytest.mark.parametrize(
    "other", [{"stride": 1}, {"bottleneck_multiplier": 0.97}, {"group_width": None}], ids=str
)
def test_networks_with_other_stages_are_outside(other):
    space = small(ANYNETX_C).but("wide")
    spec = next(s for s in space.sample(99, 0) if s.stages[0].bottleneck_multiplier == 1)
    *others, last = spec.stages
    changed = replace(last, channels=16, group_width=1)
    assert not space.contains(replace(spec, stages=(*others, replace(changed, **other))))


@pytest.mark.parametrize("space", [RESNETS, VANILLA, *OTHER_BLOCKS["VR"]], ids=_name)
def test_networks_of_other_blocks_are_outside(space):
    spec = space.sample(1, seed=0)[0]
    assert space.contains(spec)
    assert not space.contains(spec.with_block("resnext"))
    assert not space.contains(ANYNETX_A.sample(1, seed=0)[0])


def test_plain_blocks_have_no_groups_to_choose():
    with pytest.raises(SpecError, match="group_widths must be 1 alone for vanilla blocks"):
        replace(VANILLA, group_widths=Dimension((1, 2)))


@pytest.mark.parametrize("block", OTHER_BLOCKS)
def test_the_papers_other_blocks_have_spaces_by_name(block):
    made = OTHER_BLOCKS[block]
    assert [space.name for space in made] == [
        f"{name}-{block}" for name in ("AnyNetXA", "AnyNetXE", "RegNetX")
    ]
    assert all(SPACES[space.name] == space for space in made)
    specs = [space.sample(1, seed=0)[0] for space in made]
    assert {spec.block for spec in specs} == {"resnext" if block == "R" else block.lower()}
    assert {stage.groups for spec in specs for stage in spec.stages} == {1}


def test_networks_with_other_settings_are_outside():
    spec = small(ANYNETX_C).sample(1, seed=0)[0]
    assert small(ANYNETX_C).contains(spec)
    assert not small(ANYNETX_C).contains(replace(spec, stem_channels=24))
    assert not small(ANYNETX_C).contains(replace(spec, stages=spec.stages[:2]))
    assert not ANYNETX_C.contains(AnyNetSpec.from_arch(((1, 8),), 8))


@pytest.mark.parametrize("image_size", [1, 28, 33, 224])
@pytest.mark.parametrize(
    "template",
    [
        Template(),
        Template(conv_bias=True, stem_stride=1),
        Template(se_ratio=0.25, in_channels=3, num_classes=1000),
        Template(block="resnet"),
        Template(block="vanilla", conv_bias=True),
        Template(block="v", stem_stride=1),
        Template(block="vr", conv_bias=True),
    ],
    ids=str,
)
def test_costs_are_the_plans(template, image_size):
    one = Dimension((1,))
    plain = {} if template.block == "resnext" else {"bottleneck_ratios": one, "group_widths": one}
    sample = replace(ANYNETX_A, template=template, **plain).sample(60, seed=0)
    costs = sample.costs(image_size)
    for index, spec in enumerate(sample):
        expected = count(spec, image_size)
        found = (costs.params[index], costs.flops[index], costs.activations[index])
        assert found == (expected.params, expected.flops, expected.activations)


def test_a_stage_of_depth_zero_is_not_there():
    sample = ANYNETX_A.sample(30, seed=0)
    depths = sample.depths.copy()
    depths[::2, 2] = 0
    shorter = replace(sample, depths=depths)
    assert [len(spec.stages) for spec in shorter] == [3, 4] * 15
    expected = [count(spec, 64).flops for spec in shorter]
    assert shorter.costs(64).flops.tolist() == expected


def test_limits_keep_what_is_within():
    limits = Limits(flops=(360e6, 400e6), params=(0, 6e6))
    space = replace(ANYNETX_A, limits=limits)
    sample = space.sample(200, seed=0)
    costs = sample.costs(224)
    assert len(sample) == 200
    assert costs.flops.min() >= 360e6
    assert costs.flops.max() <= 400e6
    assert costs.params.max() <= 6e6
    assert space.contains(sample[0])
    assert not space.contains(next(s for s in ANYNETX_A.sample(50, 0) if count(s, 224).flops > 4e8))


def test_limits_that_nothing_meets_are_a_spec_error():
    space = replace(ANYNETX_A, limits=Limits(flops=(1, 2)))
    with pytest.raises(SpecError, match="limits of AnyNetXA: must leave one of 10,000 candidates"):
        space.sample(3, seed=0)


def test_an_empty_sample_is_a_population():
    empty = ANYNETX_A.sample(0, seed=0)
    assert list(empty) == []
    assert empty.costs(28).flops.tolist() == []


@pytest.mark.parametrize("values", [(), (2, 1), (0, 1), (1, 1), (1.5, 2), (True, 2), "12", 3])
def test_values_must_rise(values):
    with pytest.raises(SpecError, match="values must be rising positive integers"):
        Dimension(values)


@pytest.mark.parametrize("limit", [(2, 1), (-1, 1), (1,), (1, 2, 3), ("1", "2"), 3, (0, np.nan)])
def test_limits_must_be_ranges(limit):
    with pytest.raises(SpecError, match="flops must be a rising range from 0 on; got"):
        Limits(flops=limit)


def test_templates_are_those_of_networks():
    with pytest.raises(SpecError, match="stem_stride must be 1 or 2; got 3"):
        Template(stem_stride=3)


def test_populations_are_chosen_from():
    sample = ANYNETX_A.sample(10, seed=0)
    assert list(sample.where(slice(2, 4))) == list(sample)[2:4]
    assert list(Population.joined([sample, sample])) == 2 * list(sample)
    assert list(Population.of(list(sample), sample.template)) == list(sample)
