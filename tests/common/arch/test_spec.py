"""The spec: what it accepts, what it refuses and how it says so."""

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given

from common import REGNETX32, AnyNetSpec, StageSpec
from common.arch import bottleneck, resolve_spec
from common.errors import SpecError
from tests.specs import specs, stages


def test_the_chapters_network_is_built_from_its_arch_tuples():
    assert REGNETX32.stages == (StageSpec(4, 32, 16, 1), StageSpec(6, 80, 16, 1))
    assert REGNETX32.stem_channels == 32


def test_groups_follow_from_the_group_width():
    assert StageSpec(1, 80, 16).groups == 5


def test_no_group_width_means_one_group():
    assert StageSpec(1, 80).groups == 1


@given(specs())
def test_json_round_trip_gives_an_equal_spec(spec):
    assert AnyNetSpec.from_json(spec.to_json()) == spec


@given(specs())
def test_arch_tuples_rebuild_the_stages(spec):
    others = {f.name: getattr(spec, f.name) for f in fields(spec) if f.name != "stages"}
    assert AnyNetSpec.from_arch(spec.arch, **others) == spec


def test_only_a_network_without_batch_norms_says_so():
    assert "batch_norm" not in REGNETX32.to_dict()
    assert replace(REGNETX32, batch_norm=False).to_dict()["batch_norm"] is False


def test_only_an_mlp_has_an_image_size():
    assert "image_size" not in REGNETX32.to_dict()
    assert REGNETX32.with_block("mlp", image_size=28).to_dict()["image_size"] == 28


def test_numpy_integers_are_kept_as_plain_ones():
    stage = StageSpec(np.int64(2), np.int32(32), np.int64(8))
    assert type(stage.channels) is int


def test_specs_are_hashable():
    assert len({REGNETX32, AnyNetSpec.from_json(REGNETX32.to_json())}) == 1


def test_with_block_drops_groups_and_bottleneck():
    spec = REGNETX32.with_block("resnet")
    assert {(stage.groups, stage.bottleneck_multiplier) for stage in spec.stages} == {(1, 1.0)}


@pytest.mark.parametrize(
    ("arch", "message"),
    [
        (((4, 32), (6, 80, 24, 1)), "stage 2: group_width must divide the bottleneck channels; "
         "got 24 and 80"),
        (((0, 32),), "stage 1: depth must be at least 1; got 0"),
        (((1, 32.5),), "stage 1: channels must be an integer; got 32.5"),
        (((1, True),), "stage 1: channels must be an integer; got True"),
        (((1, 32, 8, -1),), "stage 1: bottleneck_multiplier must be a positive number; got -1.0"),
        (((1, 32, 8, float("nan")),), "stage 1: bottleneck_multiplier must be a positive number"),
        (((1, 32, 8, 1, 3),), "stage 1: stride must be 1 or 2; got 3"),
        (((1,),), "stage 1: must be a tuple"),
        ((7,), "stage 1: must be a tuple"),
        ((), "stages must hold at least one stage"),
        (7, "arch must be a sequence"),
    ],
)  # fmt: skip
def test_a_bad_arch_says_where_and_which_rule(arch, message):
    with pytest.raises(SpecError, match="^" + message.replace("(", r"\(")):
        AnyNetSpec.from_arch(arch, 32)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"block": "dense"},
            "block must be one of resnext, resnet, vanilla, .*; got 'dense'",
        ),
        ({"stem": "deep"}, "stem must be one of simple, resnet; got 'deep'"),
        ({"stem_stride": 4}, "stem_stride must be 1 or 2; got 4"),
        ({"num_classes": 0}, "num_classes must be at least 1; got 0"),
        ({"se_ratio": 1.5}, "se_ratio must be a number from 0 to 1; got 1.5"),
        ({"bn_epsilon": 0}, "bn_epsilon must be a positive number; got 0.0"),
        ({"bn_momentum": 0}, "bn_momentum must be above 0 and at most 1; got 0.0"),
        ({"conv_bias": "yes"}, "conv_bias must be true or false; got 'yes'"),
        ({"batch_norm": 1}, "batch_norm must be true or false; got 1"),
        ({"block": "resnet"}, "stage 1: a resnet block has no groups and no bottleneck"),
        ({"block": "mlp"}, "stage 1: an mlp block has no groups and no bottleneck"),
        ({"image_size": 28}, "image_size must be none for resnext blocks; got 28; only an mlp"),
    ],
)
def test_a_bad_setting_says_which_rule(settings, message):
    with pytest.raises(SpecError, match="^" + message):
        AnyNetSpec.from_arch(((1, 32, 8, 1),), 32, **settings)


@pytest.mark.parametrize("block", ["vanilla", "mlp"])
def test_squeeze_excitation_needs_resnext_blocks(block):
    with pytest.raises(SpecError, match=f"se_ratio must be 0 for {block} blocks"):
        AnyNetSpec.from_arch(((1, 32),), 32, block=block, se_ratio=0.25)


@pytest.mark.parametrize(
    ("image_size", "message"),
    [
        (None, "image_size must be given for mlp blocks; got none"),
        (0, "image_size must be at least 1; got 0"),
        ((28, 28), r"image_size must be an integer; got \(28, 28\)"),
    ],
)
def test_an_mlp_needs_the_side_of_its_images(image_size, message):
    with pytest.raises(SpecError, match="^" + message):
        AnyNetSpec.from_arch(((1, 32),), 32, block="mlp", image_size=image_size)


def test_an_mlp_has_a_simple_stem():
    with pytest.raises(SpecError, match="^stem must be simple for mlp blocks; got resnet"):
        AnyNetSpec.from_arch(((1, 32),), 32, block="mlp", image_size=28, stem="resnet")
    spec = AnyNetSpec.from_arch(((1, 32),), 32, stem="resnet")
    assert spec.with_block("vanilla").stem == "resnet"
    assert spec.with_block("mlp", 28).stem == "simple"


def test_a_simple_stem_is_left_out_as_before_there_was_another():
    assert "stem" not in REGNETX32.to_dict()
    assert replace(REGNETX32, stem="resnet").to_dict()["stem"] == "resnet"


def test_an_mlp_has_no_strides():
    spec = AnyNetSpec.from_arch(((1, 32), (1, 16, None, 1, 2)), 32, block="mlp", image_size=28)
    assert spec.stem_stride == 1
    assert [stage.stride for stage in spec.stages] == [1, 1]


def test_with_block_makes_an_mlp_and_back():
    spec = REGNETX32.with_block("mlp", image_size=28)
    assert [(stage.depth, stage.channels) for stage in spec.stages] == [(4, 32), (6, 80)]
    assert spec.image_size == 28
    assert spec.with_block("vanilla").image_size is None


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "null", '{"stem_channels": 32}', "[" * 100_000, '{"stem_channels": 1e999}'],
)
def test_anything_but_a_spec_in_json_is_a_spec_error(text):
    with pytest.raises(SpecError):
        AnyNetSpec.from_json(text)


def test_an_unknown_field_is_named():
    data = REGNETX32.to_dict() | {"widht": 3}
    with pytest.raises(SpecError, match="widht"):
        AnyNetSpec.from_dict(data)


def test_squeeze_and_excitation_needs_the_width_of_its_input():
    spec = AnyNetSpec.from_arch(((1, 8, 4, 1),), 8, se_ratio=0.25)
    with pytest.raises(SpecError, match="in_channels: must be given for squeeze-and-excitation"):
        spec.se_channels(None)


_ARCH = ((1, 8, 4, 1), (2, 16, 4, 1))
_OTHER = AnyNetSpec.from_arch(_ARCH, 8, 5, 3, conv_bias=False)


def test_the_chapters_arguments_give_a_spec():
    assert resolve_spec(_ARCH, 8, 5, None) == AnyNetSpec.from_arch(_ARCH, 8, 5)


@pytest.mark.parametrize("spec", [_OTHER, _OTHER.with_block("mlp", image_size=8)])
def test_a_spec_may_be_given_alone_or_beside_arguments_that_agree(spec):
    assert resolve_spec(None, None, 10, spec) is spec
    assert resolve_spec(spec.arch, 8, 5, spec) is spec


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((None, None, 10, None), "AnyNet: must be given arch and stem_channels, or a spec; got"),
        ((_ARCH, None, 10, None), "AnyNet: must be given arch and stem_channels, or a spec; got"),
        ((None, 8, 10, None), "AnyNet: must be given arch and stem_channels, or a spec; got"),
        ((None, None, 10, "regnetx_200mf"), "spec: must be an AnyNetSpec; got 'regnetx_200mf'"),
        ((None, 16, 10, _OTHER), "stem_channels: must agree with spec .* got 16 and 8 of the spec"),
        ((None, None, 7, _OTHER), "num_classes: must agree with spec .* got 7 and 5 of the spec"),
        ((_ARCH, 8, 10, _OTHER), "num_classes: must agree with spec .* got 10 and 5 of the spec"),
        ((_ARCH[:1], None, 5, _OTHER), "stages: must agree with spec"),
        ((7, None, 5, _OTHER), "arch must be a sequence"),
    ],
)
def test_arguments_that_give_no_spec_or_another_one_are_refused(arguments, message):
    with pytest.raises(SpecError, match="^" + message):
        resolve_spec(*arguments)


@given(stages())
def test_a_block_has_the_width_and_groups_of_its_stage(stage):
    found = bottleneck(stage.channels, stage.group_width, stage.bottleneck_multiplier)
    assert found == (stage.bottleneck_channels, stage.groups)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((32.5, 8, 1), "channels must be an integer; got 32.5"),
        ((32, 8.5, 1), "group_width must be an integer; got 8.5"),
        ((32, 8, -1), "bottleneck_multiplier must be a positive number; got -1.0"),
        ((32, 12, 0.5), "group_width must divide the bottleneck channels; got 12 and 16"),
    ],
)
def test_numbers_that_are_no_blocks_are_refused(arguments, message):
    with pytest.raises(SpecError, match="^" + message):
        bottleneck(*arguments)
