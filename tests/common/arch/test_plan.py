"""The plan: names, shapes and counts against published numbers."""

import csv
from dataclasses import replace
from math import prod
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common import REGNETX32, AnyNetSpec, count, plan, regnet
from common.arch import buffers, parameters, parts, summary
from common.errors import SpecError
from tests.specs import specs

_PUBLISHED = Path(__file__).with_name("regnet_models.csv")
_ROWS = list(csv.DictReader(_PUBLISHED.read_text().splitlines()))


def test_the_chapters_network_has_179290_trainable_parameters():
    assert count(REGNETX32, 96).params == 179_290


@pytest.mark.parametrize("row", _ROWS, ids=lambda row: row["name"])
def test_counts_equal_the_published_ones(row):
    counted = count(regnet(row["name"]), 224)
    expected = tuple(int(row[name]) for name in ("params", "flops_224", "acts_224"))
    assert (counted.params, counted.flops, counted.activations) == expected


@pytest.mark.parametrize(
    ("size", "sides"),
    [(28, (14, 7, 4)), (32, (16, 8, 4)), (33, (17, 9, 5)), (96, (48, 24, 12)), (97, (49, 25, 13)),
     (224, (112, 56, 28)), (1, (1, 1, 1))],
)  # fmt: skip
def test_each_part_halves_the_size_rounding_up(size, sides):
    rows = summary(REGNETX32, size)["stages"]
    assert [row["out_shape"] for row in rows] == [
        [32, sides[0], sides[0]],
        [32, sides[1], sides[1]],
        [80, sides[2], sides[2]],
        [10],
    ]


def test_an_image_may_be_oblong():
    layers = {layer.name: layer for layer in plan(REGNETX32, (40, 30))}
    assert layers["stem.relu"].out_shape == (32, 20, 15)


def test_a_size_below_one_is_refused():
    with pytest.raises(SpecError, match="image_size must be at least 1 pixel; got 0x0"):
        plan(REGNETX32, 0)


def test_array_names_are_attribute_paths():
    names = parameters(REGNETX32)
    assert names["stage1.block2.conv2.weight"] == (32, 16, 3, 3)
    assert names["stage2.block1.bn4.bias"] == (80,)
    assert names["head.fc.weight"] == (10, 80)
    assert buffers(REGNETX32)["stem.bn.running_var"] == (32,)


_MLP = AnyNetSpec.from_arch(((2, 24), (1, 16)), 32, 5, 3, block="mlp", image_size=9)


def test_an_mlp_is_flattened_and_has_no_positions():
    layers = {layer.name: layer for layer in plan(_MLP, 9)}
    assert (layers["stem.flatten"].in_shape, layers["stem.flatten"].out_shape) == (
        (3, 9, 9),
        (243,),
    )
    assert layers["stage1.block2.relu1"].out_shape == (24,)
    assert not {"head.pool", "stem.conv"} & layers.keys()


def test_array_names_of_an_mlp_are_attribute_paths():
    names = parameters(_MLP)
    assert names["stem.fc.weight"] == (32, 243)
    assert names["stem.bn.bias"] == (32,)
    assert names["stage1.block1.fc1.weight"] == (24, 32)
    assert names["stage2.block1.bn1.weight"] == (16,)
    assert names["head.fc.weight"] == (5, 16)


def test_the_biases_of_an_mlp_are_in_front_of_batch_norms_as_conv_bias_says():
    with_biases, without = (set(parameters(replace(_MLP, conv_bias=b))) for b in (True, False))
    assert with_biases - without == {
        "stem.fc.bias", "stage1.block1.fc1.bias", "stage1.block2.fc1.bias",
        "stage2.block1.fc1.bias",
    }  # fmt: skip
    assert "head.fc.bias" in without


def test_an_mlp_is_counted_by_hand():
    # Weights and biases of five linear layers, and two numbers per channel of four batch norms.
    linear = 244 * 32 + 33 * 24 + 25 * 24 + 25 * 16 + 17 * 5
    counted = count(_MLP, 9)
    assert counted.params == linear + 2 * (32 + 24 + 24 + 16)
    assert (counted.flops, counted.activations) == (linear, 32 + 24 + 24 + 16 + 5)


@pytest.mark.parametrize("size", [1, 10, (9, 10)])
def test_an_mlp_takes_images_of_its_own_size_alone(size):
    with pytest.raises(SpecError, match="image_size must be that of the mlp, 9x9; got"):
        plan(_MLP, size)


def test_a_shortcut_is_projected_exactly_when_the_shape_changes():
    spec = AnyNetSpec.from_arch(((2, 16, 8, 1, 1), (1, 16, 8, 1, 1), (1, 32, 8, 1, 1)), 16)
    projected = [layer.name for layer in plan(spec, 8) if layer.name.endswith("conv4")]
    assert projected == ["stage3.block1.conv4"]


@pytest.mark.parametrize(("size", "sides"), [(224, (112, 56)), (33, (17, 9)), (1, (1, 1))])
def test_a_resnet_stem_halves_the_size_twice(size, sides):
    spec = AnyNetSpec.from_arch(((1, 16),), 8, stem="resnet", conv_bias=False)
    layers = {layer.name: layer for layer in plan(spec, size)}
    assert [(name, layers[name].out_shape[1]) for name in ("stem.conv", "stem.pool")] == [
        ("stem.conv", sides[0]), ("stem.pool", sides[1])
    ]  # fmt: skip
    assert parameters(spec)["stem.conv.weight"] == (8, 1, 7, 7)
    assert layers["stem.pool"].activations == 8 * sides[1] ** 2
    assert layers["stage1.block1.conv1"].inputs == ("stem.pool",)


@given(specs(), st.integers(1, 40))
def test_every_layer_reads_what_an_earlier_one_wrote(spec, size):
    size = spec.image_size or size
    shapes = {"input": (spec.in_channels, size, size)}
    unknown = []
    for layer in plan(spec, size):
        unknown += [name for name in layer.inputs if name not in shapes]
        shapes[layer.name] = layer.out_shape
    assert unknown == []
    assert shapes["head.fc"] == (spec.num_classes,)


@given(specs())
def test_without_batch_norms_the_plan_lacks_them_alone(spec):
    layers = [layer.name for layer in plan(spec) if layer.op != "batch_norm"]
    assert [layer.name for layer in plan(replace(spec, batch_norm=False))] == layers


@given(specs())
def test_names_are_unique(spec):
    names = [layer.name for layer in plan(spec)]
    assert len(names) == len(set(names))


@given(specs())
def test_parameters_add_up_to_the_count(spec):
    assert sum(prod(shape) for shape in parameters(spec).values()) == count(spec).params


@given(specs(), st.integers(1, 40))
def test_the_summary_of_parts_adds_up_to_the_whole(spec, size):
    size = spec.image_size or size
    data = summary(spec, size)
    assert [row["name"] for row in data["stages"]] == list(parts(spec))
    assert sum(row["flops"] for row in data["stages"]) == data["flops"] == count(spec, size).flops
