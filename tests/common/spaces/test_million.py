"""A million networks of a space: valid, inside it, as likely as it says, and counted as planned.

The inside is checked here once more for all networks, with arrays and without the space's own code.
In a bare `nox` a few spaces have a million networks, and the others as many as show their rules.
"""

from itertools import product

import numpy as np
import pytest

from common import count
from common.arch import compatible_stage
from common.spaces import SPACES, RegNetSpace, Space
from tests.common.spaces import chi_square

MILLION, MANY = 1_000_000, 20_000
WHOLE = ("AnyNetXA", "AnyNetXE", "AnyNetXE-small", "RegNetX")
FEW = ("-small", "-uniform")
"""Endings of names of spaces whose many networks are left to `nox -s full`, but for some rules."""


def _spaces(kind):
    cases = []
    for name, space in SPACES.items():
        if isinstance(space, kind) and name in WHOLE:
            cases.append(pytest.param((space, MILLION), id=name, marks=pytest.mark.long))
        elif isinstance(space, kind):
            cases.append(pytest.param((space, MILLION), id=name, marks=pytest.mark.full))
            rare = name.endswith(FEW) and "VioNet-all" not in name and "deep" not in name
            marks = [pytest.mark.full] if rare else []
            cases.append(pytest.param((space, MANY), id=f"{name}-{MANY:,}", marks=marks))
    return cases


def _sampled(space, number):
    return space, space.sample(number, seed=0)


@pytest.fixture(scope="module", params=_spaces(Space | RegNetSpace))
def sampled(request):
    return _sampled(*request.param)


@pytest.fixture(scope="module", params=_spaces(Space))
def of_stages(request):
    return _sampled(*request.param)


@pytest.fixture(scope="module", params=_spaces(RegNetSpace))
def on_lines(request):
    return _sampled(*request.param)


def _masses(dimension):
    """How likely each of the values is where nothing is asked of the others."""
    values = np.array(dimension.values, float)
    if dimension.distribution == "uniform" or len(values) == 1:
        return np.full(len(values), 1 / len(values))
    before = np.append(values[0] - min(values[1] - values[0], values[0] / 2), values[:-1])
    return np.log(values / before) / np.log(values[-1] / before[0])


def _ways(dimension, stages, stage):
    """For each value of one stage, the weight of all values before it, and of all after it."""
    masses = _masses(dimension)
    if dimension.rule in ("free", "shared"):
        return np.ones((2, len(masses)))
    lower, higher = np.ones((2, len(masses)))
    rising = dimension.rule == "increasing"
    for _ in range(stage if rising else stages - 1 - stage):
        lower = np.cumsum(masses * lower)
    for _ in range(stages - 1 - stage if rising else stage):
        higher = np.cumsum((masses * higher)[::-1])[::-1]
    return (lower, higher) if rising else (higher, lower)


def _probabilities(dimension, stages, stage):
    """How likely each of the values is in one stage."""
    before, after = _ways(dimension, stages, stage)
    weights = _masses(dimension) * before * after
    return weights / weights.sum()


def _pairs(dimension, stages, stage):
    """How likely each pair of values is in this stage and the next one."""
    masses = _masses(dimension)
    if dimension.rule == "shared":
        return np.diag(masses)
    before, _ = _ways(dimension, stages, stage)
    _, after = _ways(dimension, stages, stage + 1)
    weights = np.outer(masses * before, masses * after)
    if dimension.rule == "increasing":
        weights = np.triu(weights)
    elif dimension.rule == "decreasing":
        weights = np.tril(weights)
    return weights / weights.sum()


def _obeys(rule, values):
    """Which rows of values (n, stages) obey a rule."""
    steps = np.diff(values, axis=1)
    return {
        "free": np.ones(len(values), bool),
        "shared": (steps == 0).all(axis=1),
        "increasing": (steps >= 0).all(axis=1),
        "decreasing": (steps <= 0).all(axis=1),
    }[rule]


def _stage_codes(widths, ratios, group_widths):
    return (widths * 100 + ratios) * 100 + group_widths


def _made(space):
    """By code of a stage, rising: the widths, ratios and group widths that become it."""
    values = [d.values for d in (space.widths, space.bottleneck_ratios, space.group_widths)]
    made = {}
    for width, ratio, group_width in product(*values):
        stage = compatible_stage(1, width, group_width, 1 / ratio)
        code = _stage_codes(stage.channels, ratio, stage.group_width)
        made.setdefault(code, []).append((width, ratio, group_width))
    return dict(sorted(made.items()))


def _probabilities_of_stages(space, made, stage):
    """How likely each of the stages that can be made is, as one stage of the networks."""
    widths, ratios, group_widths = (
        dict(zip(dimension.values, _probabilities(dimension, space.stages, stage), strict=True))
        for dimension in (space.widths, space.bottleneck_ratios, space.group_widths)
    )
    return np.array([
        sum(widths[width] * ratios[ratio] * group_widths[group] for width, ratio, group in sources)
        for sources in made.values()
    ])  # fmt: skip


def _may_share(space, population):
    """Which networks may have one group width in all stages, as far as bottlenecks are as wide."""
    bottlenecks = population.widths // population.bottleneck_ratios
    values = getattr(space.group_widths, "values", space.group_widths)
    return np.any(
        [
            (population.group_widths == np.minimum(value, bottlenecks)).all(axis=1)
            for value in values
        ],
        axis=0,
    )


def test_all_are_valid(sampled):
    space, population = sampled
    assert len(population) in (MANY, MILLION)
    assert population.depths.shape[1] == space.stages
    bottlenecks = np.rint(population.widths / population.bottleneck_ratios)
    assert (bottlenecks * population.bottleneck_ratios == population.widths).all()
    assert population.group_widths.min() >= 1
    assert not (bottlenecks % population.group_widths).any()
    assert bottlenecks.min() >= 1
    assert population.depths.min() >= 1


def test_all_are_inside(of_stages):
    space, population = of_stages
    assert np.isin(population.depths, space.depths.values).all()
    assert _obeys(space.depths.rule, population.depths).all()
    assert np.isin(population.bottleneck_ratios, space.bottleneck_ratios.values).all()
    assert _obeys(space.bottleneck_ratios.rule, population.bottleneck_ratios).all()
    if space.group_widths.rule == "shared":
        assert _may_share(space, population).all()
    made = _made(space)
    codes = _stage_codes(population.widths, population.bottleneck_ratios, population.group_widths)
    places = np.searchsorted(list(made), codes).clip(max=len(made) - 1)
    assert (np.array(list(made))[places] == codes).all()
    # Widths before they were made to fit are between these, and those obey the rule.
    least, most = (
        np.array([end(width for width, *_ in sources) for sources in made.values()])[places]
        for end in (min, max)
    )
    if space.widths.rule == "increasing":
        assert (np.maximum.accumulate(least, axis=1) <= most).all()
    elif space.widths.rule == "decreasing":
        assert (np.maximum.accumulate(least[:, ::-1], axis=1) <= most[:, ::-1]).all()


def test_all_are_inside_the_ends_of_lines(on_lines):
    space, population = on_lines
    depths = population.depths.sum(axis=1)
    assert depths.min() >= space.depths[0]
    assert depths.max() <= space.depths[1]
    assert np.isin(population.bottleneck_ratios, space.bottleneck_ratios).all()
    assert _obeys("shared", population.bottleneck_ratios).all()
    assert _may_share(space, population).all()


def _chosen(population):
    """How many are looked at one by one."""
    return 1000 if len(population) == MILLION else 100


def test_some_are_members(sampled):
    space, population = sampled
    chosen = np.random.default_rng(1).integers(len(population), size=_chosen(population))
    assert all(space.contains(spec) for spec in population.where(chosen))


def test_some_are_counted_as_the_plan_counts(sampled):
    _, population = sampled
    chosen = np.random.default_rng(2).integers(len(population), size=_chosen(population))
    size = population.template.image_size or 64
    costs = population.costs(size)
    counts = [count(spec, size) for spec in population.where(chosen)]
    for name in ("params", "flops", "activations"):
        expected = [getattr(counted, name) for counted in counts]
        assert getattr(costs, name)[chosen].tolist() == expected


def test_depths_are_as_likely_as_their_distribution_says(of_stages):
    space, population = of_stages
    fitting = [
        chi_square.fits(
            np.bincount(
                np.searchsorted(space.depths.values, depths), minlength=len(space.depths.values)
            ),
            len(population) * _probabilities(space.depths, space.stages, stage),
        )
        for stage, depths in enumerate(population.depths.T)
    ]
    assert fitting == [True] * space.stages


def test_depths_of_successive_stages_are_as_likely_as_their_rule_says(of_stages):
    space, population = of_stages
    places = np.searchsorted(space.depths.values, population.depths)
    number = len(space.depths.values)
    fitting = [
        chi_square.fits(
            np.bincount(number * places[:, stage] + places[:, stage + 1], minlength=number**2),
            len(population) * _pairs(space.depths, space.stages, stage),
        )
        for stage in range(space.stages - 1)
    ]
    assert fitting == [True] * (space.stages - 1)


def test_stages_are_as_likely_as_what_is_made_to_fit(of_stages):
    space, population = of_stages
    made = _made(space)
    codes = _stage_codes(population.widths, population.bottleneck_ratios, population.group_widths)
    fitting = [
        chi_square.fits(
            np.bincount(np.searchsorted(list(made), found), minlength=len(made)),
            len(population) * _probabilities_of_stages(space, made, stage),
        )
        for stage, found in enumerate(codes.T)
    ]
    assert fitting == [True] * space.stages


def test_ratios_do_not_depend_on_the_line(on_lines):
    space, population = on_lines
    ratios = population.bottleneck_ratios[:, 0]
    seen = [np.count_nonzero(ratios == ratio) for ratio in space.bottleneck_ratios]
    assert chi_square.fits(seen, np.full(len(seen), len(population) / len(seen)))
