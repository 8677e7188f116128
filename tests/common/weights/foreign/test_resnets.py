"""ResNets in files of torchvision, timm and pycls."""

import json
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import save_file

from common.arch import RESNET_SPECS
from common.data import on_imagenet
from common.errors import WeightsError
from common.weights.foreign import (
    LAYOUTS,
    export_weights,
    foreign_names,
    import_weights,
    read_foreign,
)
from tests.foreign import BASIC_RESNET, SMALL_RESNET, SMALL_X, random_arrays, state

_ARRAYS = random_arrays(SMALL_RESNET)
_STATE = state("torchvision", SMALL_RESNET, _ARRAYS)
_TINY = replace(RESNET_SPECS["resnet18"], num_classes=2)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


def _same(found, wanted):
    return list(found) == list(wanted) and all(
        found[name].tobytes() == wanted[name].tobytes() for name in wanted
    )


@pytest.mark.parametrize("layout", ["torchvision", "pycls", "anynet_torch"])
@pytest.mark.parametrize("prefix", ["", "module.", "backbone."])
def test_a_resnet_is_read_from_the_names_of_a_library(path, layout, prefix):
    stored = state(layout, SMALL_RESNET, _ARRAYS)
    save_file({prefix + name: array for name, array in stored.items()}, path)
    found = read_foreign(path)
    assert (found.layout, found.spec) == (layout, SMALL_RESNET)
    assert _same(found.arrays, _ARRAYS)


def test_a_resnet_of_basic_blocks_is_read(path):
    arrays = random_arrays(BASIC_RESNET)
    save_file(state("torchvision", BASIC_RESNET, arrays), path)
    spec, found = import_weights(path)
    assert spec == BASIC_RESNET
    assert _same(found, arrays)


@pytest.mark.parametrize("layout", ["torchvision", "timm"])
def test_a_round_trip_changes_no_bit(path, layout):
    arrays = random_arrays(_TINY)
    export_weights(path, _TINY, arrays, layout)
    spec, found = import_weights(path)
    assert spec == _TINY
    assert _same(found, arrays)


@pytest.mark.parametrize("name", ["resnet50", "wide_resnet50_2", "resnext101_64x4d", "tv_resnet50"])
def test_a_config_of_timm_tells_the_library(path, name):
    save_file(_STATE, path)
    config = {"architecture": name, "pretrained_cfg": {"input_size": [3, 224, 224]}}
    path.with_name("config.json").write_text(json.dumps(config))
    found = read_foreign(path)
    assert (found.layout, found.images.origin) == ("timm", "by config.json of timm")


@pytest.mark.parametrize(
    "name", ["resnet50d", "resnetaa50", "resnetblur50", "resnet50_gn", "seresnet50", "resnetrs50"]
)
def test_another_resnet_of_timm_is_refused(path, name):
    save_file(_STATE, path)
    path.with_name("config.json").write_text(json.dumps({"architecture": name}))
    with pytest.raises(WeightsError, match=f"as torchvision builds them; got '{name}', as config"):
        read_foreign(path)


def test_a_file_by_the_name_of_a_blurred_resnet_is_refused(path):
    save_file(_STATE, path.with_name("resnetaa50_a1h-4cf422b3.safetensors"))
    with pytest.raises(WeightsError, match=r"got 'resnetaa50_a1h', as its name says"):
        read_foreign(path.with_name("resnetaa50_a1h-4cf422b3.safetensors"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"conv1.weight": None, "conv1.0.weight": np.zeros((8, 3, 3, 3), np.float32)},
         "one torchvision ResNet; missing conv1.weight; extra conv1.0.weight"),
        ({"layer1.0.se.fc1.weight": np.zeros((2, 32, 1, 1), np.float32)},
         "extra layer1.0.se.fc1.weight"),
        ({"bn1.running_mean": None}, "missing bn1.running_mean"),
        ({"conv1.weight": np.zeros((8, 3, 3, 3), np.float32)},
         r"unfit conv1.weight must have shape \(8, 3, 7, 7\), got \(8, 3, 3, 3\)"),
    ],
)  # fmt: skip
def test_arrays_of_another_resnet_are_refused(path, change, message):
    stored = {name: array for name, array in {**_STATE, **change}.items() if array is not None}
    save_file(stored, path)
    with pytest.raises(WeightsError, match=message):
        read_foreign(path)


_WIDE = replace(SMALL_RESNET, stages=RESNET_SPECS["resnet50"].stages[:3])
_UNEVEN = replace(
    RESNET_SPECS["resnet50"],
    stages=(*_WIDE.stages, replace(RESNET_SPECS["resnet50"].stages[3], group_width=8)),
)


@pytest.mark.parametrize(
    ("layout", "spec", "message"),
    [
        ("torchvision", SMALL_RESNET, "must have stem and stages of 64, 256, 512, 1024, 2048 chan"),
        ("timm", _UNEVEN, "as many groups and one bottleneck_multiplier in all stages"),
        ("huggingface", SMALL_RESNET, "must have a simple stem, not a resnet one"),
        ("d2l", SMALL_RESNET, "must have a simple stem, not a resnet one"),
        ("pycls", BASIC_RESNET, "must have resnext blocks, not resnet"),
        ("torchvision", replace(SMALL_RESNET.with_block("vanilla")), "resnext or resnet blocks"),
        ("pycls", replace(SMALL_RESNET, stem_stride=1), "stride 2 in stem.conv, not 1"),
    ],
)
def test_a_resnet_that_the_library_cannot_build_is_not_exported(path, layout, spec, message):
    with pytest.raises(WeightsError, match=message):
        export_weights(path, spec, random_arrays(spec), layout)
    assert not path.exists()


@pytest.mark.parametrize(
    ("layout", "spec"),
    [("timm", SMALL_X), ("huggingface", SMALL_X), ("pycls", BASIC_RESNET)],
)
def test_a_network_that_the_library_cannot_build_is_not_read(path, layout, spec):
    other = replace(spec, stem="resnet")
    names = {**foreign_names(LAYOUTS[layout], other)}
    arrays = random_arrays(other)
    save_file({there: arrays[here].reshape(shape) for here, (there, shape) in names.items()}, path)
    with pytest.raises(WeightsError, match="must hold the arrays of one"):
        read_foreign(path)


def test_the_published_file_name_tells_how_images_are_prepared(tmp_path):
    save_file(_STATE, tmp_path / "resnet50-0676ba61.safetensors")
    found = read_foreign(tmp_path / "resnet50-0676ba61.safetensors")
    assert found.images.origin == "as for torchvision's v1 weights"
    assert found.images.images.preprocessing == on_imagenet()
