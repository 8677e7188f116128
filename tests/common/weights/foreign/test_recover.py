"""What a network is, from shapes alone."""

import csv
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common import REGNETX32, AnyNetSpec, count, plan
from common.arch import RESNET_SPECS
from common.errors import SpecError
from common.weights import expected_shapes
from common.weights.foreign.recover import recover_spec
from tests.foreign import (
    BASIC_RESNET,
    CHAPTER,
    REGNETY_200MF,
    REGNETY_400MF,
    SMALL_RESNET,
    SMALL_X,
    SMALL_Y,
)
from tests.specs import specs

_PUBLISHED = Path(__file__).parents[2] / "arch/regnet_models.csv"


@pytest.mark.parametrize(
    "spec",
    [REGNETY_200MF, REGNETY_400MF, SMALL_X, SMALL_Y, CHAPTER, REGNETX32, SMALL_RESNET,
     BASIC_RESNET, *RESNET_SPECS.values()],
)  # fmt: skip
def test_a_spec_is_recovered_from_its_shapes(spec):
    assert recover_spec(expected_shapes(spec)) == spec


@pytest.mark.parametrize(("name", "spec"), [("RegNetY-200MF", REGNETY_200MF),
                                            ("RegNetY-400MF", REGNETY_400MF)])  # fmt: skip
def test_a_recovered_network_has_the_published_size(name, spec):
    rows = {row["name"]: row for row in csv.DictReader(_PUBLISHED.read_text().splitlines())}
    recovered = recover_spec(expected_shapes(spec))
    assert count(recovered, 224).flops == int(rows[name]["flops_224"])


@settings(max_examples=200, deadline=None)
@given(spec=specs(), ratio=st.sampled_from([0.0, 0.01, 0.125, 0.25, 0.3, 1 / 3, 0.5, 0.75, 1.0]))
def test_any_strided_resnext_network_is_recovered(spec, ratio):
    stages = tuple(replace(stage, stride=2) for stage in spec.with_block("resnext").stages)
    spec = AnyNetSpec(
        spec.stem_channels, stages, spec.num_classes, spec.in_channels,
        conv_bias=spec.conv_bias, se_ratio=ratio,
    )  # fmt: skip
    assert plan(recover_spec(expected_shapes(spec)), 16) == plan(spec, 16)


def test_a_stage_that_keeps_shape_and_projects_nothing_has_no_stride():
    spec = AnyNetSpec.from_arch(((2, 16, 8, 1, 1), (1, 24, 8, 1, 2)), 16)
    assert recover_spec(expected_shapes(spec)) == spec


@pytest.mark.parametrize(
    "change",
    [
        {"stage2.block1.conv1.weight": (23, 16, 1, 1)},
        {"stage2.block1.conv2.weight": (24,)},
        {"stage2.block2.conv3.weight": (99, 24, 1, 1), "stage1.block1.conv1.weight": ()},
        {"stem.bn.weight": (0,), "head.fc.weight": ()},
        {"stage2.block2.se.fc1.weight": (12, 24)},
    ],
)
def test_the_majority_outvotes_a_wrong_shape(change):
    assert recover_spec({**expected_shapes(SMALL_Y), **change}) == SMALL_Y


def test_names_of_more_blocks_than_arrays_are_refused():
    shapes = {**expected_shapes(SMALL_Y), "stage1.block9999.conv1.weight": (1, 1, 1, 1)}
    with pytest.raises(SpecError, match=r"got 10004 blocks in \d+ arrays"):
        recover_spec(shapes)


@pytest.mark.parametrize("name", expected_shapes(SMALL_Y))
def test_any_array_may_be_missing(name):
    shapes = {key: shape for key, shape in expected_shapes(SMALL_Y).items() if key != name}
    recovered = expected_shapes(recover_spec(shapes))
    assert name in recovered
