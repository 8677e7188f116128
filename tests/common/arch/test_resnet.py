"""ResNet and ResNeXt by name: counts and shapes against published ones."""

import pytest

from common.arch import RESNET_SPECS, count, parameters, plan

# pycls, dev/model_complexity.json (R-50-1x64d and so on): parameters, FLOPs, activations.
_PYCLS = {
    "resnet50": (25_557_032, 4_089_185_256, 11_315_688),
    "resnet101": (44_549_160, 7_801_406_440, 16_433_640),
    "resnet152": (60_192_808, 11_513_627_624, 22_755_816),
    "resnext50_32x4d": (25_028_904, 4_230_480_872, 14_602_216),
}
# torchvision, `num_params` and `_ops` of its weights: parameters, billions of FLOPs.
_TORCHVISION = {
    "resnet18": (11_689_512, 1.814),
    "resnet34": (21_797_672, 3.664),
    "resnet50": (25_557_032, 4.089),
    "resnet101": (44_549_160, 7.801),
    "resnet152": (60_192_808, 11.514),
    "resnext50_32x4d": (25_028_904, 4.23),
    "resnext101_32x8d": (88_791_336, 16.414),
}


@pytest.mark.parametrize("name", _PYCLS)
def test_counts_are_those_of_pycls(name):
    counted = count(RESNET_SPECS[name], 224)
    assert (counted.params, counted.flops, counted.activations) == _PYCLS[name]


@pytest.mark.parametrize("name", RESNET_SPECS)
def test_sizes_are_those_of_torchvision(name):
    counted = count(RESNET_SPECS[name], 224)
    assert (counted.params, round(counted.flops / 1e9, 3)) == _TORCHVISION[name]


def test_the_3x3_convolution_has_the_stride():
    strided = [layer.name for layer in plan(RESNET_SPECS["resnet50"], 224) if layer.stride == 2]
    stages = [f"stage{n}.block1.{conv}" for n in (2, 3, 4) for conv in ("conv2", "conv4")]
    assert strided == ["stem.conv", "stem.pool", *stages]


def test_the_width_of_32x8d_is_that_of_a_group_in_the_first_stage():
    shapes = parameters(RESNET_SPECS["resnext101_32x8d"])
    assert shapes["stage1.block1.conv2.weight"] == (256, 8, 3, 3)
    assert shapes["stage4.block3.conv2.weight"] == (2048, 64, 3, 3)
