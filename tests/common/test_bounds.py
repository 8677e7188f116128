"""Numbers at and beyond the bounds: a right result or one short error, and never another."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from common import REGNETX32, AnyNetSpec, StageSpec, count
from common.arch import MLPSpec, RegNetSpec, find_spec, image_shape, regnet, summary
from common.bounds import MAX_BLOCKS, MAX_CHANNELS, MAX_COUNTED, MAX_SIDE
from common.errors import AnyNetError, ConfigError, SpecError
from common.numbers import checked_integer, checked_number
from common.spaces import (
    ANYNETX_A,
    REGNETX,
    Dimension,
    Limits,
    Population,
    RegNetSpace,
    Template,
)
from common.spaces.named import uniform
from common.studies import StudyConfig
from common.training import Recipe, TrainConfig
from common.weights import initial_weights

_HUGE = (10**400, 2**63, 2**31, 10**6 + 1, 0, -1, -(10**400), True, 10**5000)
_ODD = (math.inf, -math.inf, math.nan, 1e308, 5e-324, -0.0, 10**400, "1", None, b"1", np.True_)
_INTEGERS = st.one_of(st.sampled_from(_HUGE), st.integers(1, 40), st.integers())
_NUMBERS = st.one_of(st.sampled_from(_ODD), st.floats(), st.floats(0.1, 4), _INTEGERS)
_MANY = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


def _result(make):
    """What `make` gives, or `None` for a short error of the project's own."""
    try:
        return make()
    except AnyNetError as error:
        message = str(error)
    assert len(message) < 700
    return None


@_MANY
@example((10**400,) * 2, 1.0, 1, 1, 1, 0.0, 1e-5, 0.1, 1)
@given(st.tuples(_INTEGERS, _INTEGERS), _NUMBERS, _INTEGERS, _INTEGERS, _INTEGERS, _NUMBERS,
       _NUMBERS, _NUMBERS, _INTEGERS)  # fmt: skip
def test_any_numbers_give_a_network_or_a_spec_error(
    stage, multiplier, stem, classes, colours, se_ratio, epsilon, momentum, size
):
    spec = _result(
        lambda: AnyNetSpec.from_arch(((*stage, None, multiplier),), stem, classes, colours,
                                     se_ratio=se_ratio, bn_epsilon=epsilon,
                                     bn_momentum=momentum)
    )  # fmt: skip
    if spec is not None and spec.stages[0].depth <= 40:
        found = _result(lambda: count(spec, size))
        assert found is None or min(found.params, found.flops, found.activations) > 0


@_MANY
@given(_INTEGERS, _INTEGERS, _NUMBERS, _NUMBERS, _INTEGERS, _NUMBERS)
def test_any_numbers_give_a_regnet_or_a_spec_error(depth, w_0, w_a, w_m, group_width, multiplier):
    _result(lambda: RegNetSpec(depth, w_0, w_a, w_m, group_width, multiplier).network())
    _result(lambda: MLPSpec(depth, w_0, w_a, w_m).network())


@settings(_MANY, max_examples=50)
@given(st.lists(_INTEGERS, max_size=3), _INTEGERS, _NUMBERS, _NUMBERS, _INTEGERS, _INTEGERS)
def test_any_numbers_give_a_space_or_a_spec_error(values, stages, low, high, n, seed):
    values, n = sorted(set(values)), n if n > 100 else min(n, 3)
    for name in ("depths", "widths", "bottleneck_ratios", "group_widths"):
        space = _result(lambda n=name: replace(ANYNETX_A, **{n: Dimension(values)}, stages=stages))
        if space is not None:
            assert space.size() > 0
            _result(lambda s=space: s.sample(n, seed))
    _result(lambda: replace(REGNETX, slopes=(low, high)))
    _result(lambda: replace(REGNETX, depths=(low, high), width_ratios=(high, low)))
    _result(lambda: Limits(flops=(low, high), image_size=stages))


@_MANY
@given(st.sampled_from(["epochs", "batch_size", "log_every", "seed", "learning_rate", "precise_bn",
                        "checkpoint_every", "resize"]), _NUMBERS)  # fmt: skip
def test_any_number_gives_a_config_or_a_config_error(name, value):
    _result(lambda: TrainConfig("torch", **{name: value}))


@_MANY
@given(st.sampled_from(["momentum", "weight_decay", "warmup_epochs", "nesterov"]), _NUMBERS)
def test_any_number_gives_a_recipe_or_a_config_error(name, value):
    _result(lambda: Recipe(**{name: value}))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: StageSpec(10**6, 8), "depth must be at most 10,000; got 1000000"),
        (lambda: StageSpec(1, 10**400), "channels must be at most 1,048,576; got a number of 1329"),
        (lambda: AnyNetSpec(8, (StageSpec(1, 8),) * 20_000), "at most 10,000 blocks in all"),
        (lambda: count(REGNETX32, 10**6), "image_size must be at most 16,384; got 1000000"),
        (lambda: count(REGNETX32, 28.0), "image_size must be an integer; got 28.0"),
        (lambda: regnet("regnetx_400mf", 10**7), "num_classes must be at most 1,048,576"),
        (lambda: Dimension((3_000_000_000,)), "values must be at most 1,048,576; got 3000000000"),
        (lambda: Dimension(range(1, 10**12)), "values must be at most 131,072 values"),
        (lambda: ANYNETX_A.sample(10**12, 0), "n must be at most 2,000,000"),
        (lambda: RegNetSpec(100, 8, 1e5, 2, 8), r"w_0 \+ w_a \(depth - 1\) must be at most"),
        (lambda: replace(REGNETX, depths=(1, 5000)), "must lead to widths of at most 524,288"),
        (lambda: replace(uniform(REGNETX), width_ratios=(1.01, 100)), "must be fewer lines"),
        (lambda: replace(REGNETX, width_ratios=(1.5, 10**6)), "width_ratios must be at most"),
        (lambda: AnyNetSpec.from_json('{"stem_channels": 1e400, "stages": []}'), "got inf"),
        (lambda: replace(REGNETX32, bn_epsilon=1e-320), "bn_epsilon must be at least 1e-12"),
        (lambda: initial_weights(REGNETX32, 2**64), "seed must be at most"),
        (
            lambda: initial_weights(AnyNetSpec.from_arch(((1, 2**20),), 2**20)),
            "weights must fit into the machine's memory",
        ),
        (lambda: find_spec("regnet" * 10**5), "model: must be regnetx32"),
    ],
)  # fmt: skip
def test_what_is_beyond_a_bound_is_told_with_the_bound(make, message):
    with pytest.raises(SpecError, match=message) as error:
        make()
    assert len(str(error.value)) < 500


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: TrainConfig("torch", epochs=10**7), "epochs: must be at most 1,000,000; got"),
        (lambda: TrainConfig("torch", seed=2**63), "seed: must be at most 9,223,372,036,854,775"),
        (lambda: TrainConfig("torch", resize=(10**5, 3)), "resize: must be at most 16,384"),
        (lambda: TrainConfig("torch", resize=(10**4, 10**4)), "at most 2,147,483,648 pixels"),
        (lambda: StudyConfig((ANYNETX_A,), networks=10**6), "networks: must be at most 100,000"),
    ],
)
def test_a_config_beyond_a_bound_is_told_with_the_bound(make, message):
    with pytest.raises(ConfigError, match=message):
        make()


def test_numpy_numbers_are_kept_as_plain_ones_everywhere():
    two = np.int64(2)
    kept = [
        image_shape(REGNETX32, two)[1],
        replace(ANYNETX_A, stages=two).stages,
        Template(two, two, two, two).num_classes,
        Limits(image_size=two).image_size,
        TrainConfig("torch", epochs=two, resize=(two, two)).resize[0],
        StudyConfig((ANYNETX_A,), networks=two).networks,
        len(ANYNETX_A.sample(two, two)),
    ]
    assert kept == [2] * 7
    assert {type(number) for number in kept} == {int}


def test_a_negative_zero_is_a_zero():
    assert math.copysign(1, replace(REGNETX32, se_ratio=-0.0).se_ratio) == 1


def test_the_deepest_network_of_the_most_stages_is_planned_and_summed_up():
    found = summary(AnyNetSpec.from_arch(((1, 8),) * MAX_BLOCKS, 8, block="vanilla"), 32)
    assert sum(row["blocks"] for row in found["stages"]) == MAX_BLOCKS
    assert sum(row["params"] for row in found["stages"]) == found["params"]


def test_counts_at_the_bounds_are_exact():
    spec = AnyNetSpec.from_arch(((1, MAX_CHANNELS),), 1, MAX_CHANNELS, block="vanilla",
                                conv_bias=False, stem_stride=1)  # fmt: skip
    side = MAX_SIDE // 2
    weights = 9 + 9 * MAX_CHANNELS + 9 * MAX_CHANNELS**2 + MAX_CHANNELS**2
    assert count(spec, MAX_SIDE).params == weights + 2 + 4 * MAX_CHANNELS + MAX_CHANNELS
    assert count(spec, MAX_SIDE).flops == (
        9 * MAX_SIDE**2 + 9 * (MAX_CHANNELS + MAX_CHANNELS**2) * side**2
        + MAX_CHANNELS**2 + MAX_CHANNELS
    )  # fmt: skip


@settings(max_examples=20, deadline=None)
@given(st.integers(1, MAX_CHANNELS // 8), st.integers(1, 1000), st.integers(1, MAX_SIDE),
       st.sampled_from([1, 2, 4]),
       st.sampled_from(["resnext", "resnet", "vanilla", "v", "vr"]))  # fmt: skip
def test_costs_of_populations_are_exact_or_refused(width, depth, size, ratio, block):
    grouped = block == "resnext"
    one = np.full((1, 2), 1)
    population = Population(one * depth, one * width * ratio, one, one * (ratio if grouped else 1),
                            Template(block=block, se_ratio=0.25 * grouped))  # fmt: skip
    expected = count(population[0], size)
    if expected.flops > MAX_COUNTED:
        with pytest.raises(SpecError, match="flops must be at most 9,223,372,036,854,775,807"):
            population.costs(size)
    else:
        found = population.costs(size)
        assert (found.params[0], found.flops[0]) == (expected.params, expected.flops)


def test_a_space_of_many_values_knows_its_networks():
    wide = replace(
        ANYNETX_A, widths=Dimension(range(4, 2**19 + 1, 4), "increasing"),
        group_widths=Dimension(range(1, 2**17), "decreasing"), stages=8,
    )  # fmt: skip
    assert wide.contains(wide.sample(1, 0)[0])


def test_many_stages_that_rise_are_sampled():
    narrow = replace(ANYNETX_A, depths=Dimension((1, 2, 3), "increasing"), stages=32)
    depths = narrow.sample(500, 0).depths
    assert (np.diff(depths, axis=1) >= 0).all()
    assert {1, 2, 3} == set(np.unique(depths))


def test_regnets_that_have_no_such_number_of_stages_are_a_spec_error():
    with pytest.raises(SpecError, match="must leave one of 10,000 candidates"):
        RegNetSpace("none", depths=(1, 2), stages=4).sample(1, 0)


@pytest.mark.parametrize("value", [True, np.True_, "1", b"1", bytearray(b"1")], ids=repr)
def test_truth_values_and_text_are_no_numbers(value):
    with pytest.raises(SpecError, match="x must be a finite number"):
        checked_number("x", value, 0, 2)
    with pytest.raises(SpecError, match="x must be an integer"):
        checked_integer("x", value, 0, 2)
