"""Options that change how `predict` and `evaluate` prepare images."""

import json

import numpy as np
import pytest

from common import AnyNetSpec
from common.cli.preparing import Preparing
from common.data import ImageDescription, Preprocessing, on_imagenet, read_picture
from common.weights import initial_weights, save_weights
from tests.common.cli import fakes

_PHOTO = on_imagenet(8)
_GREY = Preprocessing(1, (8, 8))


def _given(resize=None, crop=None, interpolation=None, image_size=None):
    return Preparing(image_size, resize, crop, interpolation)


def _shape(seen):
    return seen.resize, seen.resize_to, seen.crop, seen.interpolation, seen.antialias


@pytest.mark.parametrize(("seen", "given", "expected"), [
    (_PHOTO, {}, ("short_side", 9, "center", "bilinear", True)),
    (_PHOTO, {"resize": 12}, ("short_side", 12, "center", "bilinear", True)),
    (_PHOTO, {"resize": "stretch"}, ("stretch", None, "none", "bilinear", True)),
    (_PHOTO, {"crop": "none"}, ("stretch", None, "none", "bilinear", True)),
    (_PHOTO, {"crop": "center"}, ("short_side", 9, "center", "bilinear", True)),
    (_PHOTO, {"resize": "stretch", "crop": "center"}, ("stretch", 9, "center", "bilinear", True)),
    (_PHOTO, {"interpolation": "bicubic"}, ("short_side", 9, "center", "bicubic", True)),
    (_GREY, {"resize": "short_side"}, ("short_side", 9, "center", "bilinear", True)),
    (_GREY, {"resize": 10, "crop": 8}, ("short_side", 10, "center", "bilinear", True)),
    (_GREY, {"crop": "center"}, ("short_side", 9, "center", "bilinear", True)),
    (_GREY, {"interpolation": "nearest"}, ("stretch", None, "none", "nearest", True)),
    (_GREY, {"interpolation": "bilinear"}, ("stretch", None, "none", "bilinear", False)),
])  # fmt: skip
def test_what_is_given_replaces_what_the_file_says(seen, given, expected):
    changed = _given(**given).applied(seen)
    assert _shape(changed) == expected
    assert (changed.size, changed.mean, changed.std) == (seen.size, seen.mean, seen.std)


@pytest.fixture
def network(run, framework, photos, tmp_path):
    """A weight file that says how its images are prepared."""
    spec = AnyNetSpec.from_arch(((1, 4),), 4, num_classes=2, in_channels=3)
    images = ImageDescription(_PHOTO, ("blue", "red"))
    save_weights(tmp_path / "net.safetensors", spec, initial_weights(spec), images)
    return tmp_path / "net.safetensors"


@pytest.fixture
def shown(monkeypatch):
    """The batches of images that the network was shown."""
    found = []
    answer = fakes.logits

    def logits(network, images):
        found.append(images)
        return answer(network, images)

    monkeypatch.setattr(fakes, "logits", logits)
    return found


def test_predict_shows_the_network_the_images_so_prepared(run, network, photos, shown):
    options = ("--resize", 12, "--crop", 6, "--interpolation", "bicubic")
    result = run("predict", network, photos / "red/0.png", *options)
    assert result.exit_code == 0, result.output
    assert (
        "images: shorter side to 12, centre crop of 6x6 pixels, bicubic, instead of "
        "shorter side to 6, centre crop of 6x6 pixels, bilinear\n"
    ) in result.stderr
    seen = on_imagenet(6)
    seen = Preprocessing(
        3, (6, 6), "short_side", 12, "center", "bicubic", True, seen.scale, seen.mean, seen.std
    )
    np.testing.assert_array_equal(shown[0], read_picture(photos / "red/0.png", seen)[None])


def test_evaluate_does_the_same(run, network, monkeypatch):
    shapes = []
    step = fakes.Learner.eval_step

    def eval_step(self, images):
        shapes.append(images.shape[2:])
        return step(self, images)

    monkeypatch.setattr(fakes.Learner, "eval_step", eval_step)
    result = run("evaluate", network, "--data", "photos", "--crop", 6, "--resize", 7, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["image_size"] == [6, 6]
    assert "images: shorter side to 7, centre crop of 6x6 pixels, bilinear" in result.stderr
    assert shapes == [(6, 6)]


def test_without_these_options_nothing_is_said(run, network, photos):
    assert "instead of" not in run("predict", network, photos / "red/0.png").stderr


@pytest.mark.parametrize(("options", "code", "message"), [
    (("--resize", 7), 1, "resize: must be at least the 8 pixels of the input, which is cropped"),
    (("--resize", 12, "--crop", "none"), 1, "resize: 12 keeps the aspect ratio, so the input must"),
    (("--crop", 6, "--image-size", 8), 1, "crop: must be the --image-size, which is the side"),
    (("--resize", "squash"), 2, "squash is none of stretch, short_side and PIXELS"),
    (("--resize", -1), 2, "-1 is not in the range"),
    (("--crop", "centre"), 2, "centre is none of none, center and PIXELS"),
    (("--interpolation", "cubic"), 2, "'cubic' is not one of"),
])  # fmt: skip
def test_combinations_that_make_no_sense_are_refused(run, network, photos, options, code, message):
    result = run("predict", network, photos / "red/0.png", *options)
    assert result.exit_code == code
    assert message in result.stderr
    assert result.stdout == ""
