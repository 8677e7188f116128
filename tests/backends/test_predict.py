"""`anynet predict` and `anynet export`, in each framework."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from common.cli import main
from common.data import CLASSES, assumed, read_picture
from common.weights import save_weights
from common.weights.foreign import export_weights
from tests.foreign import SMALL_X, random_arrays
from tests.inference import SPECS, trained_weights

_GREY, _COLOUR = SPECS["resnext"], SPECS["squeezed"]


def _run(*arguments, code=0):
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    return result


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three checkpoints and two tiny pictures."""
    path = tmp_path_factory.mktemp("predict")
    for name, spec in (("grey", _GREY), ("colour", _COLOUR), ("mlp", SPECS["mlp"])):
        save_weights(path / f"{name}.safetensors", spec, trained_weights(spec))
    stream = np.random.default_rng(0)
    for name in ("one.png", "two [2].png"):
        Image.fromarray(stream.integers(0, 256, (20, 30, 3), np.uint8)).save(path / name)
    return path


@pytest.mark.parametrize(("checkpoint", "spec"), [("grey", _GREY), ("colour", _COLOUR)])
def test_probabilities_are_those_of_the_logits(backend, name, folder, checkpoint, spec):
    path, pictures = (
        folder / f"{checkpoint}.safetensors",
        [folder / "one.png", folder / "two [2].png"],
    )
    result = _run("predict", path, *pictures, "--backend", name, "--image-size", 32, "--json")
    images = np.stack(
        [read_picture(picture, assumed(spec.in_channels, 32)) for picture in pictures]
    )
    exponentials = np.exp(backend.logits(backend.load(path), images).astype(float))
    expected = exponentials / exponentials.sum(1, keepdims=True)
    for item, picture, row in zip(json.loads(result.stdout), pictures, expected, strict=True):
        assert item["image"] == str(picture)
        order = [entry["class"] for entry in item["classes"]]
        assert order == list(np.argsort(-row)[:5])
        found = [entry["probability"] for entry in item["classes"]]
        np.testing.assert_allclose(found, row[order], rtol=1e-4)


@pytest.mark.bare("torch", "mx")
def test_a_file_of_another_library_is_predicted_with(backend, name, folder, tmp_path):
    arrays = random_arrays(SMALL_X)
    save_weights(tmp_path / "own.safetensors", SMALL_X, arrays)
    export_weights(tmp_path / "foreign.npz", SMALL_X, arrays, "pycls")
    command = ("--backend", name, "--image-size", 32, "--json")
    outputs = [
        _run("predict", path, folder / "one.png", *command).stdout
        for path in (tmp_path / "own.safetensors", tmp_path / "foreign.npz")
    ]
    assert outputs[0] == outputs[1]


def test_an_mlp_sees_images_of_its_own_size(backend, name, folder):
    path, picture = folder / "mlp.safetensors", folder / "one.png"
    (item,) = json.loads(_run("predict", path, picture, "--backend", name, "--json").stdout)
    logits = backend.logits(backend.load(path), read_picture(picture, assumed(3, 11))[None])
    assert [entry["class"] for entry in item["classes"]] == list(np.argsort(-logits[0]))
    failed = _run("predict", path, picture, "--backend", name, "--image-size", 12, code=1)
    assert "image_size must be that of the mlp, 11x11; got 12x12" in failed.stderr


def test_ten_classes_have_the_names_of_fashion_mnist(backend, name, folder):
    arguments = (folder / "one.png", "--backend", name, "--top", 10, "--image-size", 16, "--json")
    (item,) = json.loads(_run("predict", folder / "grey.safetensors", *arguments).stdout)
    assert {entry["class"]: entry["name"] for entry in item["classes"]} == dict(enumerate(CLASSES))


def test_labels_may_be_given(backend, name, folder, tmp_path):
    (tmp_path / "labels.txt").write_text("a\nb\nc\nd\ne\n")
    arguments = ("--backend", name, "--image-size", 32, "--labels", tmp_path / "labels.txt")
    result = _run("predict", folder / "colour.safetensors", folder / "two [2].png", *arguments)
    assert "two [2].png" in result.stdout.replace("\n", "")
    assert set("abcde") <= set(result.stdout.replace(str(folder), "").split())


def test_a_bad_image_is_named_and_loses_no_result(backend, name, folder, tmp_path):
    (tmp_path / "bad.png").write_bytes(b"no image")
    arguments = (tmp_path, folder / "one.png", "--backend", name, "--image-size", 16, "--json")
    result = _run("predict", folder / "grey.safetensors", *arguments, code=1)
    bad, good = json.loads(result.stdout)
    assert "bad.png: must be an image that Pillow reads" in bad["error"]
    assert bad["error"] in result.stderr
    assert "1 of 2 images gave no result" in result.stderr
    assert len(good["classes"]) == 5
    assert "Traceback" not in result.output


@pytest.fixture
def diverged(tmp_path):
    """A weight file of finite arrays whose network gives no numbers."""
    weights = trained_weights(_GREY)
    weights["stem.bn.running_var"][0] = -1
    save_weights(tmp_path / "diverged.safetensors", _GREY, weights)
    return tmp_path / "diverged.safetensors"


def test_logits_that_are_not_finite_are_no_probabilities(backend, name, folder, diverged):
    arguments = (folder / "one.png", "--backend", name, "--image-size", 16, "--json")
    (item,) = json.loads(_run("predict", diverged, *arguments, code=1).stdout)
    assert item.keys() == {"image", "error"}
    assert "one.png: logits must be finite; got NaN or infinity" in item["error"]


def test_a_folder_stands_for_its_images(backend, name, folder):
    arguments = (folder, "--backend", name, "--image-size", 16, "--json")
    found = json.loads(_run("predict", folder / "grey.safetensors", *arguments).stdout)
    assert [item["image"] for item in found] == [
        str(folder / image) for image in ("one.png", "two [2].png")
    ]


@pytest.mark.bare("torch", "mx")
def test_a_native_export_is_written_by_the_command(backend, name, folder, tmp_path):
    out = tmp_path / "net.pt2"
    arguments = ("--format", "native", "--backend", name, "--image-size", 16, "--fuse")
    result = _run("export", folder / "colour.safetensors", *arguments, "--out", out)
    assert f"written to {out}" in result.stdout
    assert list(tmp_path.iterdir()) == [out]
