"""How other libraries prepare images, as their files tell."""

import json
from dataclasses import replace

import pytest

from common.data import Preprocessing, class_names, on_imagenet
from common.errors import WeightsError
from common.weights.foreign.images import foreign_images
from tests.foreign import SMALL_Y

_IMAGENET = replace(SMALL_Y, num_classes=1000)
_MEAN, _STD = (0.1, 0.2, 0.3), (0.4, 0.5, 0.6)


def _found(folder, layout, spec=SMALL_Y, name="model.safetensors", **configs):
    for file, content in configs.items():
        (folder / f"{file}.json").write_text(json.dumps(content))
    return foreign_images(folder / name, layout, spec)


def _summary(seen):
    return (seen.resize, seen.resize_to, seen.size, seen.interpolation)


def test_timms_config_tells_everything(tmp_path):
    said = {"input_size": [3, 64, 96], "crop_pct": 0.95, "interpolation": "bilinear",
            "crop_mode": "squash", "mean": _MEAN, "std": _STD}  # fmt: skip
    found = _found(tmp_path, "timm", config={"pretrained_cfg": said})
    assert found.images.preprocessing == Preprocessing(
        3, (64, 96), "stretch", 101, "center", "bilinear", True, mean=_MEAN, std=_STD
    )
    assert found.origin == "by config.json of timm"


def test_a_file_of_timm_alone_has_timms_defaults(tmp_path):
    found = _found(tmp_path, "timm")
    assert _summary(found.images.preprocessing) == ("short_side", 256, (224, 224), "bicubic")
    assert found.origin == "by timm's defaults"


@pytest.mark.parametrize(
    ("name", "short", "size", "interpolation", "version"),
    [
        ("regnet_y_400mf-c65dace8.pth", 256, 224, "bilinear", "v1"),
        ("regnet_y_400mf-e6988f5f.pth", 232, 224, "bilinear", "v2"),
        ("regnet_y_16gf_swag-43afe44d.pth", 384, 384, "bicubic", "swag"),
        ("regnet_y_16gf_lc_swag-f3ec0043.pth", 224, 224, "bicubic", "lc_swag"),
        ("mine.pth", 256, 224, "bilinear", "v1"),
    ],
)
def test_torchvisions_file_name_tells_the_version(
    tmp_path, name, short, size, interpolation, version
):
    found = _found(tmp_path, "torchvision", name=name)
    assert _summary(found.images.preprocessing) == (
        "short_side", short, (size, size), interpolation,
    )  # fmt: skip
    assert f"torchvision's {version} weights" in found.origin
    assert ("since the file's name tells no version" in found.origin) == (name == "mine.pth")


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"size": 224, "crop_pct": 0.875, "resample": 3},
         ("short_side", 256, (224, 224), "bicubic")),
        ({"size": {"shortest_edge": 384}, "resample": 2},
         ("stretch", None, (384, 384), "bilinear")),
        ({"size": {"shortest_edge": 80}, "crop_size": {"height": 64, "width": 64}, "resample": 1},
         ("short_side", 80, (64, 64), "lanczos")),
        ({"size": {"height": 48, "width": 64}}, ("stretch", None, (48, 64), "bicubic")),
    ],
)  # fmt: skip
def test_transformers_processors_are_read(tmp_path, config, expected):
    config = {**config, "image_mean": _MEAN, "image_std": _STD}
    seen = _found(tmp_path, "huggingface", preprocessor_config=config).images.preprocessing
    assert _summary(seen) == expected
    assert (seen.mean, seen.std) == (_MEAN, _STD)


def test_images_of_pycls_are_imagenets(tmp_path):
    assert _found(tmp_path, "pycls").images.preprocessing == on_imagenet()


@pytest.mark.parametrize(
    ("spec", "config", "names"),
    [
        (_IMAGENET, {}, class_names(1000)),
        (SMALL_Y, {}, ()),
        (replace(SMALL_Y, num_classes=3), {"id2label": {"2": "c", "0": "a", "1": "a"}},
         ("a (0)", "a (1)", "c")),
        (replace(SMALL_Y, num_classes=2), {"id2label": {"0": "LABEL_0", "1": "LABEL_1"}}, ()),
        (replace(SMALL_Y, num_classes=2), {"label_names": ["x", "y"]}, ("x", "y")),
        (replace(SMALL_Y, num_classes=5), {"label_names": ["x", "y"]}, ()),
    ],
)  # fmt: skip
def test_classes_are_called_as_the_config_says(tmp_path, spec, config, names):
    assert _found(tmp_path, "huggingface", spec, config=config).images.classes == names


@pytest.mark.parametrize(
    ("layout", "file", "config", "message"),
    [
        ("timm", "config", {"pretrained_cfg": {"input_size": [3, 64, 64], "crop_pct": 0}}, "zero"),
        ("timm", "config", {"pretrained_cfg": {"input_size": 7}}, "must be a config of timm"),
        ("huggingface", "preprocessor_config", {"resample": 5}, "image processor; got"),
        ("huggingface", "preprocessor_config", {"size": {"edge": 1}}, "image processor; got"),
        ("huggingface", "config", {"id2label": {"x": "y"}}, "must be a model's config"),
    ],
)
def test_a_config_that_cannot_be_understood_is_one_clear_error(
    tmp_path, layout, file, config, message
):
    with pytest.raises(WeightsError, match=rf"{file}\.json: .*{message}"):
        _found(tmp_path, layout, **{file: config})


@pytest.mark.parametrize(
    ("layout", "channels"), [("d2l", 3), ("anynet_torch", 3), ("timm", 1), ("torchvision", 1)]
)
def test_nothing_is_said_of_images_that_nothing_tells_of(tmp_path, layout, channels):
    assert _found(tmp_path, layout, replace(SMALL_Y, in_channels=channels)) is None
