"""The width rule against the paper's equations and its published networks."""

import csv
from math import log
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common import RegNetSpec, StageSpec, count, plan, regnet
from common.arch import REGNETS, compatible_stage
from common.errors import SpecError

_PUBLISHED = Path(__file__).with_name("regnet_models.csv")
_ROWS = list(csv.DictReader(_PUBLISHED.read_text().splitlines()))
_PARAMETERS = ("depth", "w_0", "w_a", "w_m", "group_width", "se_ratio")


@st.composite
def _regnets(draw):
    """The paper's RegNet design space (section 3.3), with its bottlenecks."""
    return RegNetSpec(
        depth=draw(st.integers(1, 64)),
        w_0=8 * draw(st.integers(1, 32)),
        w_a=draw(st.floats(0, 256)),
        w_m=draw(st.floats(1.5, 3)),
        group_width=draw(st.sampled_from([1, 2, 4, 8, 16, 24, 32, 48, 112, 256])),
        bottleneck_multiplier=draw(st.sampled_from([0.25, 0.5, 1, 2, 3, 4])),
    )


@pytest.mark.parametrize("row", _ROWS, ids=lambda row: row["name"])
def test_every_named_regnet_has_the_published_parameters(row):
    parameters = REGNETS[row["name"].lower().replace("-", "_")]
    expected = [float(row[name]) for name in _PARAMETERS]
    assert [getattr(parameters, name) for name in _PARAMETERS] == expected


@pytest.mark.parametrize(
    ("name", "widths", "depths"),
    [
        # torchvision's documentation of regnet_y_400mf and regnet_x_3_2gf.
        ("regnety_400mf", [48, 104, 208, 440], [1, 3, 6, 6]),
        ("regnetx_3.2gf", [96, 192, 432, 1008], [2, 6, 15, 2]),
        ("regnetx_32gf", [336, 672, 1344, 2520], [2, 7, 13, 1]),
    ],
)
def test_stages_have_the_published_widths_and_depths(name, widths, depths):
    stages = regnet(name).stages
    assert [stage.channels for stage in stages] == widths
    assert [stage.depth for stage in stages] == depths


def test_linear_widths_are_a_line():
    assert RegNetSpec(3, 24, 36.5, 2.5, 8).linear_widths == (24, 60.5, 97)


def test_a_slope_of_zero_is_one_stage():
    assert RegNetSpec(5, 48, 0, 2.5, 16).stages == (StageSpec(5, 48, 16),)


@given(_regnets())
def test_quantised_widths_are_the_nearest_powers_in_steps_of_8(spec):
    for linear, width in zip(spec.linear_widths, spec.quantised_widths, strict=True):
        assert width % 8 == 0
        # Half a stage on a logarithmic axis, and half a step of 8.
        low, high = linear / spec.w_m**0.5 - 4, linear * spec.w_m**0.5 + 4
        assert low - 1e-6 <= width <= high + 1e-6


@given(_regnets())
def test_widths_never_shrink(spec):
    assert list(spec.quantised_widths) == sorted(spec.quantised_widths)


@given(_regnets())
def test_every_block_is_in_a_stage_whose_groups_fit(spec):
    assert sum(stage.depth for stage in spec.stages) == spec.depth
    for stage in spec.stages:
        assert stage.bottleneck_channels % stage.groups == 0
        assert stage.group_width <= max(spec.group_width, 1)


@given(_regnets())
def test_fitting_the_groups_moves_widths_by_less_than_one_group(spec):
    for stage, width in zip(spec.stages, sorted(set(spec.quantised_widths)), strict=True):
        b = spec.bottleneck_multiplier
        multiple = stage.group_width * max(b, 1)
        assert abs(stage.bottleneck_channels - width * b) <= max(multiple, 1)


@pytest.mark.parametrize(
    ("arguments", "stage"),
    [
        # By hand from adjust_block_compatibility in pycls: (channels, group_width, multiplier).
        ((80, 16, 1), (80, 16)),
        ((24, 112, 1), (24, 24)),
        ((208, 112, 1), (224, 112)),
        ((168, 112, 1), (224, 112)),
        ((40, 16, 0.5), (32, 16)),
        ((40, 16, 0.25), (40, 10)),
        ((20, 16, 3), (16, 16)),
        ((24, 8, 4), (24, 8)),
    ],
)
def test_a_stage_is_adjusted_as_in_pycls(arguments, stage):
    adjusted = compatible_stage(1, *arguments)
    assert (adjusted.channels, adjusted.group_width) == stage


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"depth": 0}, "depth must be at least 1; got 0"),
        ({"w_0": 20}, "w_0 must be a multiple of 8; got 20"),
        ({"w_0": 24.5}, "w_0 must be an integer; got 24.5"),
        ({"w_a": -1}, "w_a must be a number of at least 0; got -1.0"),
        ({"w_m": 1}, "w_m must be a number above 1; got 1.0"),
        ({"w_m": float("nan")}, "w_m must be a number above 1; got nan"),
        ({"group_width": 0}, "group_width must be at least 1; got 0"),
        ({"bottleneck_multiplier": 1.5}, "bottleneck_multiplier must be a positive number that is"),
    ],
)
def test_a_bad_parameter_says_which_rule(changed, message):
    with pytest.raises(SpecError, match=message):
        RegNetSpec(**{"depth": 13, "w_0": 24, "w_a": 36.4, "w_m": 2.5, "group_width": 8} | changed)


@pytest.mark.parametrize("name", ["regnetx_200mf", "regnety_32gf"])
def test_a_regnet_has_no_biases_before_batch_norms(name):
    assert not any(layer.bias for layer in plan(regnet(name), 32) if layer.op == "conv")


def test_squeeze_and_excitation_is_a_quarter_of_the_blocks_input():
    layers = {layer.name: layer for layer in plan(regnet("regnety_400mf"), 32)}
    # 32 stem channels enter the first block, 104 the last of stage 2.
    assert layers["stage1.block1.se.fc1"].out_shape == (8,)
    assert layers["stage2.block3.se.fc1"].out_shape == (26,)


@pytest.mark.parametrize("name", ["regnetx_400mf", "regnety_4.0gf"])
def test_flops_are_close_to_the_name(name):
    size = name.partition("_")[2]
    nominal = float(size[:-2]) * {"mf": 1e6, "gf": 1e9}[size[-2:]]
    assert abs(log(count(regnet(name), 224).flops / nominal)) < 0.02
