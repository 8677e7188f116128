"""RegNet spaces: their lines, membership, uniformity."""

from collections import Counter
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from common import count
from common.arch import REGNETS, RegNetSpec, find_spec
from common.errors import SpecError
from common.spaces import (
    REGNETX,
    REGNETX_C,
    REGNETX_DEEP,
    REGNETX_DEEP_SMALL,
    REGNETY,
    SPACES,
    Population,
    RegNetSpace,
    Template,
    small,
    uniform,
)
from common.spaces.lines import all_lines
from tests.common.spaces import chi_square
from tests.common.spaces.tiny import TINY, choices

ON_LINES = [space for space in SPACES.values() if isinstance(space, RegNetSpace)]
UNIFORM_C = SPACES["RegNetX-C-uniform"]


def _name(space):
    return space.name


def _every_candidate(space):
    """All RegNets of a space by going through all choices of every parameter."""
    return [RegNetSpec(*chosen) for chosen in product(*choices(space))]


def _stages(lines, line, slopes, depths):
    """By network, the depths of its stages by their widths."""
    found = [{} for _ in depths]
    for number in range(1, max(depths) + 1):
        rows, stage_depths, widths = lines.stages(line, slopes, depths, number)
        for row, *stages in zip(rows, widths.tolist(), stage_depths.tolist(), strict=True):
            found[row] = dict(zip(*stages, strict=True))
    return found


def _expected_stages(lines, line, slopes, depths):
    """The same from the spec of each network."""
    return [
        Counter(RegNetSpec(depth, w_0, slope / 100, w_m, 1).quantised_widths)
        for (w_0, w_m), slope, depth in zip(
            [lines.starts[index] for index in line], slopes.tolist(), depths.tolist(), strict=True
        )
    ]


@pytest.mark.parametrize(
    "space", [uniform(REGNETX), uniform(REGNETX_DEEP), uniform(small(REGNETX))], ids=_name
)
def test_stages_are_those_of_the_regnet_spec(space):
    stream, rows = np.random.default_rng(0), 10_000
    least, most = (round(100 * slope) for slope in space.slopes)
    slopes = stream.integers(least, most, size=rows, endpoint=True)
    depths = stream.integers(*space.depths, size=rows, endpoint=True)
    lines = space._lines
    line = stream.integers(len(lines.starts), size=rows)
    found = _stages(lines, line, slopes, depths)
    assert found == _expected_stages(lines, line, slopes, depths)


# With a rational square root of w_m, a block may be exactly between two widths.
@pytest.mark.parametrize("w_m", [169, 196, 225, 256, 289])
@pytest.mark.parametrize("w_0", [8, 16, 40, 200])
def test_ties_are_rounded_as_the_regnet_spec_rounds_them(w_0, w_m):
    most = 2 * w_0 * w_m
    lines = all_lines((w_0,), (w_m,), 19 * most)
    ends = lines.rises[lines.ties]
    slopes = np.array([slope for slope in range(1, most) if (ends % slope == 0).any()])
    depths, line = np.full(len(slopes), 20), np.zeros(len(slopes), np.int64)
    assert len(slopes) > 10
    found = _stages(lines, line, slopes, depths)
    assert found == _expected_stages(lines, line, slopes, depths)


@pytest.mark.parametrize(
    "space",
    [TINY, replace(TINY, stages=3), replace(TINY, stages=1, depths=(1, 3))],
    ids=["two stages", "three", "one"],
)
def test_networks_are_as_likely_as_they_have_candidates(space):
    candidates = _every_candidate(space)
    assert space.size() == len(candidates)
    members = [c for c in candidates if len(c.stages) == space.stages]
    networks = [space.template.network(member.stages) for member in members]
    expected = _counted(Population.of(networks, space.template))
    sampled = _counted(space.sample(100_000, seed=0))
    assert set(sampled) == set(expected)
    assert chi_square.fits(
        [sampled[key] for key in expected],
        [100_000 * number / len(members) for number in expected.values()],
    )


def _counted(population):
    """How often each network is in a population, by its parameters."""
    arrays = (
        population.depths, population.widths, population.group_widths,
        population.bottleneck_ratios,
    )  # fmt: skip
    rows, numbers = np.unique(np.concatenate(arrays, axis=1), axis=0, return_counts=True)
    return dict(zip(map(tuple, rows.tolist()), numbers.tolist(), strict=True))


def test_a_space_contains_its_candidates_and_no_other_network():
    members = {
        TINY.template.network(candidate.stages)
        for candidate in _every_candidate(TINY)
        if len(candidate.stages) == 2
    }
    around = replace(TINY, slopes=(6.0, 11.0), width_ratios=(2.0, 2.5), depths=(1, 8))
    others = list(around.sample(400, seed=0))
    assert [TINY.contains(spec) for spec in others] == [spec in members for spec in others]
    assert 0 < sum(spec in members for spec in others) < 400
    assert all(TINY.contains(spec) for spec in members)


@pytest.mark.parametrize("space", ON_LINES, ids=_name)
def test_seeds_decide_the_sample(space):
    first, again, other = (space.sample(20, seed) for seed in (1, 1, 2))
    assert list(first) == list(again)
    assert list(first) != list(other)


@pytest.mark.parametrize("space", [REGNETX, REGNETX_C, REGNETY], ids=_name)
def test_regnets_are_members_of_their_space(space):
    sample = space.sample(12, seed=0)
    assert {len(spec.stages) for spec in sample} == {4}
    assert all(space.contains(spec) for spec in sample)
    assert [count(spec, 224).flops for spec in sample] == sample.costs(224).flops.tolist()


def test_published_regnets_are_in_the_space():
    for name in ("regnetx_200mf", "regnetx_800mf", "regnetx_3.2gf"):
        spec = replace(REGNETS[name], group_width=16).network()
        assert REGNETX.contains(spec)
        assert UNIFORM_C.contains(spec)
        assert not REGNETY.contains(spec)
    assert REGNETY.contains(find_spec("regnety_800mf"))
    assert not REGNETX.contains(find_spec("regnetx_32gf"))  # its group width is 168


@pytest.mark.parametrize("name", [name for name in REGNETS if name[6] == "x"][:-1])
def test_published_regnets_are_in_the_constrained_space_of_their_group_width(name):
    published = REGNETS[name]
    space = replace(REGNETX_C, group_widths=(published.group_width,))
    assert space.contains(published.network())
    assert not space.contains(replace(published, group_width=1).network())


def test_a_network_off_every_line_is_outside():
    spec = REGNETX_C.sample(1, seed=0)[0]
    first, *others = spec.stages
    deeper = replace(first, depth=30)
    assert not REGNETX_C.contains(replace(spec, stages=(deeper, *others)))


@pytest.mark.parametrize("block", ["resnet", "vanilla", "v", "vr"])
def test_other_blocks_have_lines_too(block):
    space = replace(
        REGNETX, bottleneck_ratios=(1,), group_widths=(1,), template=Template(block=block)
    )
    spec = space.sample(1, seed=0)[0]
    assert spec.block == block
    assert space.contains(spec)


@pytest.mark.parametrize("space", [small(REGNETX), small(REGNETX_C), small(REGNETY)], ids=_name)
def test_small_regnets_are_about_128_wide(space):
    widest = space.sample(10_000, seed=0).widths.max(axis=1)
    assert np.mean(widest <= 128) > 0.85
    assert widest.max() < 256


@pytest.mark.parametrize("space", ON_LINES, ids=_name)
def test_a_good_share_of_the_candidates_has_the_stages(space):
    found = len(space._candidates(20_000, np.random.default_rng(0)))
    assert found > (0.18 if space.distribution == "uniform" else 0.1) * 20_000


def test_deep_regnets_are_deeper_than_the_papers():
    assert REGNETX_DEEP.sample(500, seed=0).depths.sum(axis=1).min() > REGNETX.depths[1]
    depths = REGNETX_DEEP_SMALL.sample(500, seed=0).depths
    assert depths.shape == (500, 4)
    assert depths.sum(axis=1).min() > 10  # RegNetX32 has 4 + 6 blocks.


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"depths": (0, 3)}, "depths must be a rising range from 1 on; got 0 to 3"),
        ({"depths": (1.5, 3)}, "depths must be a rising range from 1 on; got (1.5, 3)"),
        ({"initial_widths": (8, 20)}, "from 8 on in multiples of 8; got 8 to 20"),
        ({"slopes": (0.0, 3.0)}, "slopes must be a rising range from 0.1 on"),
        ({"slopes": (1.0, 2.05)}, "in multiples of 0.1; got 1.0 to 2.05"),
        ({"width_ratios": (1.0, 2.0)}, "width_ratios must be a rising range from 1.001 on"),
        (
            {"width_ratios": (1.5, 5e5), "depths": (1, 2)},
            "width_ratios must be at most 1,048,576 in steps of 0.001; got 499,998,501",
        ),
        ({"distribution": "normal"}, "distribution must be one of uniform, log; got 'normal'"),
        ({"bottleneck_ratios": (0.3, 1)}, "bottleneck_ratios must be rising positive integers or"),
        ({"width_ratios": (2.0, np.inf)}, "width_ratios must be a rising range"),
        ({"group_widths": (2, 1)}, "group_widths must be rising positive integers; got (2, 1)"),
        ({"stages": 0}, "stages must be at least 1; got 0"),
        ({"name": ""}, "name must be text; got ''"),
    ],
    ids=str,
)
def test_parameters_must_be_ranges(changed, message):
    with pytest.raises(SpecError) as error:
        replace(REGNETX, **changed)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"slopes": (0.0, 3.0)}, "slopes must be a rising range from 0.01 on"),
        ({"slopes": (1.0, 2.005)}, "in multiples of 0.01; got 1.0 to 2.005"),
        ({"width_ratios": (1.0, 2.0)}, "width_ratios must be a rising range from 1.01 on"),
    ],
    ids=str,
)
def test_parameters_of_uniform_lines_are_multiples_of_a_hundredth(changed, message):
    with pytest.raises(SpecError) as error:
        replace(uniform(REGNETX), **changed)
    assert message in str(error.value)
