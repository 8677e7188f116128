"""Networks by name."""

import pytest

from common import REGNETX32, regnet
from common.arch import NAMED_SPECS, REGNETS, find_spec
from common.errors import SpecError

_SPELLINGS = {
    "regnetx_400mf": ["RegNetX-400MF", "regnet_x_400mf", "regnetx_004", "RegNetX400MF"],
    "regnety_4.0gf": ["RegNetY-4.0GF", "regnety_040", "facebook/regnet-y-040", "regnety_4gf"],
    "regnety_3.2gf": ["RegNetY-3.2GF", "regnety_032", "regnet_y_3_2gf", "regnet-y-032"],
    "regnety_32gf": ["RegNetY-32GF", "regnety_320", "regnet_y_32gf", "regnety_32.0gf"],
    "regnety_8.0gf": ["RegNetY-8.0GF", "regnety_080", "regnet_y_8gf", "regnety_8GF"],
    "regnetx32": ["RegNetX32", "REGNETX32"],
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
        ("", "regnet"),
    ],
)
def test_an_unknown_name_suggests_the_nearest(name, nearest):
    with pytest.raises(SpecError, match=rf"got '{name}'; did you mean {nearest}"):
        find_spec(name)


def test_an_unknown_name_is_told_all_names():
    with pytest.raises(SpecError, match=r"regnety_ with one of 200mf, .*, 3\.2gf, .*, 32gf; got"):
        find_spec("resnet50")


def test_a_regnet_is_for_imagenet_unless_told():
    spec = regnet("regnetx_200mf")
    assert (spec.num_classes, spec.in_channels) == (1000, 3)


def test_a_regnet_may_have_other_classes_and_channels():
    spec = regnet("regnetx_200mf", num_classes=10, in_channels=1)
    assert (spec.num_classes, spec.in_channels) == (10, 1)
    assert spec.stages == find_spec("regnetx_200mf").stages
