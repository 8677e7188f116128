"""Networks by name."""

import pytest

from common import REGNETX32, regnet
from common.arch import NAMED_SPECS, REGNETS, count, find_spec
from common.errors import SpecError

_SPELLINGS = {
    "regnetx_400mf": ["RegNetX-400MF", "regnet_x_400mf", "regnetx_004", "RegNetX400MF"],
    "regnety_4.0gf": ["RegNetY-4.0GF", "regnety_040", "facebook/regnet-y-040", "regnety_4gf"],
    "regnety_3.2gf": ["RegNetY-3.2GF", "regnety_032", "regnet_y_3_2gf", "regnet-y-032"],
    "regnety_8.0gf": ["RegNetY-8.0GF", "regnety_080", "regnet_y_8gf", "regnety_8GF"],
    "regnetx32": ["RegNetX32", "REGNETX32"],
    "regnety_16gf": [
        "regnety_160.tv2_in1k",
        "timm/regnety_160.lion_in12k_ft_in1k",
        "regnety_160.sw_in12k",
        "hf_hub:timm/regnety_160.swag_lc_in1k",
        "RegNet_Y_16GF_Weights.IMAGENET1K_SWAG_E2E_V1",
        "RegNetY-16GF_dds_8gpu",
        "regnety_160_tv",
    ],
    "regnety_400mf": ["RegNetY-400MF_dds_8gpu", "RegNet_Y_400MF_Weights", "regnety_004.tv2_in1k"],
    "regnetx_1.6gf": ["RegNetX-1.6GF_dds_8gpu", "RegNet_X_1_6GF_Weights.DEFAULT"],
    "regnetx_200mf": ["regnetx_002.pycls_in1k", "facebook/regnet-x-002"],
    "regnety_32gf": [
        "regnety_320.seer_ft_in1k",
        "regnety_320.seer",
        "facebook/regnet-y-320-seer",
        "facebook/regnet-y-320-seer-in1k",
        "RegNetY-32GF",
        "regnety_320",
        "regnet_y_32gf",
        "regnety_32.0gf",
    ],
    "regnetx_400mf_tv": ["regnetx_004_tv", "regnetx_004_tv.tv2_in1k", "RegNet_X_400MF_Weights"],
    "regnety_800mf_tv": ["regnety_008_tv", "regnety_008_tv.tv2_in1k"],
    "resnet50": [
        "ResNet-50",
        "timm/resnet50.a1_in1k",
        "resnet50.fb_swsl_ig1b_ft_in1k",
        "resnet50_tv",
        "ResNet50_Weights.IMAGENET1K_V2",
        "microsoft/resnet-50",
        "R-50-1x64d_dds_8gpu",
    ],
    "resnext101_32x8d": [
        "ResNeXt101_32X8D_Weights",
        "resnext101_32x8d.tv_in1k",
        "ResNeXt-101-32x8d",
    ],
    "resnext50_32x4d": ["X-50-32x4d_dds_8gpu", "ResNeXt-50_32x4d"],
    "regnety_8.0gf_tv": ["regnety_080_tv.tv2_in1k", "RegNet_Y_8GF_Weights"],
}


@pytest.mark.parametrize(
    ("name", "spelling"),
    [(name, spelling) for name, spellings in _SPELLINGS.items() for spelling in spellings],
)
def test_a_name_may_be_spelt_as_anywhere(name, spelling):
    assert find_spec(spelling) is NAMED_SPECS[name]


@pytest.mark.parametrize("family", ["regnetx", "regnety"])
def test_a_family_has_twelve_networks(family):
    assert sum(name.startswith(f"{family}_") for name in REGNETS) == 12


def test_a_spec_is_its_own_name():
    assert find_spec(REGNETX32) is REGNETX32


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("regnet32", "regnetx32"),
        ("regnetz_040", "regnety_4.0gf"),
        ("regnety_4.1gf", "regnety_4.0gf"),
        ("regnetx_401mf", "regnetx_400mf"),
        ("regnet_y_16", "regnety_16gf"),
        ("resnet51", "resnet50"),
        ("", "regnet"),
    ],
)
def test_an_unknown_name_suggests_the_nearest(name, nearest):
    with pytest.raises(SpecError, match=rf"got '{name}'; did you mean {nearest}"):
        find_spec(name)


def test_an_unknown_name_is_told_all_names():
    with pytest.raises(
        SpecError,
        match=r"regnety_ with one of 200mf, .*, 3\.2gf, .*, 32gf, or .*"
        r"resnet50, .*; got 'vgg16'; did you mean regnet",
    ):
        find_spec("vgg16")


def test_a_regnet_is_for_imagenet_unless_told():
    spec = regnet("regnetx_200mf")
    assert (spec.num_classes, spec.in_channels) == (1000, 3)


def test_a_regnet_may_have_other_classes_and_channels():
    spec = regnet("regnetx_200mf", num_classes=10, in_channels=1)
    assert (spec.num_classes, spec.in_channels) == (10, 1)
    assert spec.stages == find_spec("regnetx_200mf").stages


@pytest.mark.parametrize(
    ("name", "published"),
    [("regnetx_004_tv", 5_495_976), ("regnety_008_tv", 6_432_512), ("regnety_080_tv", 39_381_472)],
)
def test_torchvisions_wider_networks_have_its_size(name, published):
    # Parameters of torchvision 0.28's regnet_x_400mf, regnet_y_800mf and regnet_y_8gf.
    assert count(find_spec(name)).params == published


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("regnetz_040.ra3_in1k", "RegNetZ is another network"),
        ("haloregnetz_b", "RegNetZ is another network"),
        ("regnetv_064", "RegNetV is another network"),
        ("regnety_040_sgn", "With sgn it is another network"),
        ("nf_regnet_b1.ra2_in1k", "NF-RegNet is another network"),
        ("regnety_1280.swag_ft_in1k", "The paper has no RegNetY above 32gf"),
        ("regnety_640.seer", "The paper has no RegNetY above 32gf"),
        ("RegNet_Y_128GF_Weights", "The paper has no RegNetY above 32gf"),
        ("facebook/regnet-y-10b-seer", "The paper has no RegNetY above 32gf"),
        ("resnet50d.ra4_e3600_r224_in1k", "A ResNet with another stem"),
        ("seresnet50", "A ResNet with another stem"),
        ("resnetaa50", "A ResNet with another stem"),
    ],
)
def test_another_network_is_refused_and_named(name, what):
    with pytest.raises(SpecError, match=rf"got '{name}'; did you mean .*\? {what}"):
        find_spec(name)


@pytest.mark.parametrize(
    "name", ["regnety_040.pth", "regnety_040.foo", "regnety_040_tv", "regnety_160_in1k"]
)
def test_an_ending_that_is_no_tag_is_no_name(name):
    with pytest.raises(SpecError, match="did you mean"):
        find_spec(name)


def test_an_endless_name_is_refused_in_a_short_message():
    with pytest.raises(SpecError, match="did you mean") as caught:
        find_spec("regnet_" * 10**6)
    assert len(str(caught.value)) < 600
