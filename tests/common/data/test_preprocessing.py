"""The description of how an image becomes a network's input."""

import json
import math
from dataclasses import FrozenInstanceError, replace

import pytest

from common.data import FashionMNIST, Preprocessing
from common.errors import ConfigError

_IMAGENET = Preprocessing(
    3, (224, 224), "short_side", 256, "center", "bicubic", antialias=True,
    mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225),
)  # fmt: skip


@pytest.mark.parametrize(
    "preprocessing",
    [
        Preprocessing(1, (28, 28)),
        Preprocessing(4, (3, 5), scale=1 / 127.5, mean=(1.0,), std=(0.1, 0.2, 0.3, 0.4)),
        Preprocessing(1, (1, 2), "stretch", 2, "center", "nearest", antialias=True),
        _IMAGENET,
    ],
)
def test_a_preprocessing_comes_back_from_json(preprocessing):
    plain = json.loads(json.dumps(preprocessing.to_dict()))
    assert plain["format"] == 1
    assert Preprocessing.from_dict(plain) == preprocessing


def test_equal_preprocessings_have_equal_hashes():
    same = Preprocessing(3, [8, 8], mean=[0.5], std=[1])
    assert hash(same) == hash(Preprocessing(3, (8, 8), mean=(0.5,) * 3, std=(1.0,) * 3))


def test_one_value_stands_for_all_channels():
    assert Preprocessing(3, (8, 8)).mean == (0.0, 0.0, 0.0)


def test_a_preprocessing_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        _IMAGENET.channels = 1


def test_the_input_has_the_channels_before_height_and_width():
    assert Preprocessing(3, (8, 9)).image_shape == (3, 8, 9)


@pytest.mark.parametrize("size", [(28, 28), (96, 64)])
def test_fashion_mnist_says_how_its_images_are_prepared(size):
    data = FashionMNIST(64, size, "sample")
    assert data.preprocessing == Preprocessing(
        1, size, "stretch", None, "none", "bilinear", False, 1 / 255, (0.0,), (1.0,)
    )
    assert data.preprocessing.image_shape == data.image_shape


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"channels": 0}, "channels: must be at least 1; got 0"),
        ({"channels": True}, "channels: must be an integer; got True"),
        ({"size": (0, 8)}, "size: must be at least 1 pixel; got 0x8"),
        ({"size": (8, 8, 8)}, "size: must be a side or "),
        ({"size": 1 << 15}, "size: must be at most 16,384; got 32768"),
        ({"resize": "squash"}, "resize: must be one of stretch, short_side; got 'squash'"),
        ({"resize": None}, "resize: must be one of "),
        ({"crop": ["center"]}, "crop: must be one of none, center; got "),
        ({"interpolation": "cubic"}, "interpolation: must be one of nearest, bilinear, "),
        ({"antialias": 1}, "antialias: must be true or false; got 1"),
        ({"antialias": False}, "antialias: must be true unless .* interpolation bicubic"),
        ({"resize_to": 223}, "resize_to: must be at least 224; got 223"),
        ({"resize_to": 2**14 + 1}, "resize_to: must be at most 16,384; got 16385"),
        ({"resize_to": None}, "resize_to: must be given with resize short_side and crop center"),
        ({"crop": "none"}, "crop: must be center where resize_to is given; got none"),
        ({"scale": 0}, "scale: must be above 0; got 0"),
        ({"scale": 1.5}, "scale: must be at most 1; got 1.5"),
        ({"scale": "1"}, "scale: must be above 0; got 1"),
        ({"mean": (0.5, 0.5)}, "mean: must be a number for each of 3 channels; got "),
        ({"mean": 0.5}, "mean: must be a number for each of 3 channels; got 0.5"),
        ({"mean": (0.5, math.nan, 0.5)}, "mean: must be a finite number; got nan"),
        ({"mean": (256,)}, "mean: must be at most 255; got 256"),
        ({"std": (0.0,)}, "std: must be at least 1e-06; got 0.0"),
        ({"std": ("1",)}, "std: must be a finite number; got 1"),
    ],
)
def test_a_bad_preprocessing_says_which_rule(changes, message):
    with pytest.raises(ConfigError, match=f"^{message}"):
        replace(_IMAGENET, **changes)


@pytest.mark.parametrize(
    ("plain", "message"),
    [
        (None, "file: must be a JSON object; got None"),
        ({}, "file: must be of format 1; got None"),
        ({"format": 2}, "file: must be of format 1; got 2; a newer release reads it"),
        ({"format": 1, "colour": 3}, "file: must have the fields of .* none of .*'channels'"),
        ({**_IMAGENET.to_dict(), "colour": 3}, r"file: must have the fields .* \['colour'\] too"),
        ({**_IMAGENET.to_dict(), "std": {}}, "file: std: must be a number for each of 3 channels"),
    ],
)
def test_bad_plain_data_says_where_it_stands(plain, message):
    with pytest.raises(ConfigError, match=f"^{message}"):
        Preprocessing.from_dict(plain, "file")
