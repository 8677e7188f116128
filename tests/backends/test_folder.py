"""From a folder of photos to predictions and an ONNX file, by the command line."""

import json
import shutil

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from safetensors.numpy import save_file

from common.cli import main
from common.data import ImageDescription, assumed, network_input, prepared_pixels, read_picture
from common.weights import initial_weights, load_description, load_spec, load_weights
from tests.foreign import regnet, state

_COLOURS = {"blue": (40, 60, 200), "green": (60, 200, 60), "red": (200, 60, 40)}
_STREAM = np.random.default_rng(0)


def _run(*arguments):
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Sixty JPEGs of different sizes, modes and turns, whose class shows in their colour alone."""
    root = tmp_path_factory.mktemp("photos")
    for label, (name, colour) in enumerate(_COLOURS.items()):
        (root / name).mkdir()
        for number in range(20):
            size = (40 + 3 * number, 60 - number)
            noise = _STREAM.normal(colour, 40, (*size, 3)).clip(0, 255).astype(np.uint8)
            picture, exif = Image.fromarray(noise), Image.Exif()
            if number % 5 == 1:
                picture = picture.convert("CMYK")
            if number % 5 == 2:
                exif[0x0112] = 6  # turned by a quarter
            path = root / name / f"{label}-{number}.jpg"
            picture.save(path, exif=exif, progressive=number % 5 == 3, quality=95)
    return root


@pytest.fixture(scope="module")
def run(name, backend, photos, tmp_path_factory):
    """A run on the photos in this framework."""
    out = tmp_path_factory.mktemp("runs") / "photos"
    spec = tmp_path_factory.mktemp("specs") / "small.json"
    small = backend.AnyNet([(1, 16, 8, 1, 2)], 8).spec.to_dict()
    spec.write_text(json.dumps({**small, "in_channels": 3, "num_classes": 3}))
    _run(
        "train", "--backend", name, "--data", photos, "--model", spec, "--image-size", 32,
        "--epochs", 6, "--batch-size", 8, "--lr", 0.1, "--augment", "flip", "--device", "cpu",
        "--stop-after", 4, "--out", out,
    )  # fmt: skip
    _run("train", "--resume", out)
    return out


def test_the_run_learns_the_colours(name, run, photos):
    result = _run("evaluate", run, "--backend", name, "--device", "cpu", "--json")
    found = json.loads(result.stdout)
    assert found["accuracy"] > 0.9
    assert str(photos) in found["data"]


def test_the_weight_file_says_how_images_are_prepared_and_classes_called(run):
    found = load_description(run / "model.safetensors")
    assert found.classes == tuple(_COLOURS)
    assert found.preprocessing == assumed(3, 32)


def test_a_file_away_from_its_run_predicts_the_same(name, run, photos, tmp_path):
    model = (run / "model.safetensors").read_bytes()
    (tmp_path / "mine.safetensors").write_bytes(model)
    picture = photos / "red" / "2-2.jpg"
    result = _run("predict", tmp_path / "mine.safetensors", picture, "--backend", name, "--json")
    (item,) = json.loads(result.stdout)
    assert item["classes"][0]["name"] == "red"


def test_its_logits_are_those_of_the_reference(backend, run, photos):
    from common import reference

    images = np.stack([
        read_picture(photos / colour / f"{label}-{number}.jpg", assumed(3, 32))
        for label, colour in enumerate(_COLOURS) for number in range(5)
    ])  # fmt: skip
    spec, arrays = load_weights(run / "model.safetensors")
    network = reference.create(spec, init="zeros")
    reference.set_weights(network, arrays)
    expected = reference.layer_outputs(network, images.astype(np.float64))["head.fc"]
    logits = backend.logits(backend.load(run / "model.safetensors"), images)
    np.testing.assert_allclose(logits, expected, atol=1e-4)


@pytest.mark.usefixtures("backend")
def test_weights_of_another_library_are_fine_tuned_without_a_word_of_its_images(
    name, photos, tmp_path, caplog
):
    said = {"input_size": [3, 32, 32], "crop_pct": 1, "mean": [0.5] * 3, "std": [0.5] * 3}
    (tmp_path / "config.json").write_text(json.dumps({"pretrained_cfg": said}))
    start = tmp_path / "timm.safetensors"
    spec = regnet((1,), (16,), 8, 0.0, 10)
    save_file(state("timm", spec, initial_weights(spec)), start)
    out = tmp_path / "run"
    _run(
        "train", "--backend", name, "--data", photos, "--weights", start, "--recipe", "finetune",
        "--epochs", 2, "--batch-size", 16, "--device", "cpu", "--stop-after", 1, "--out", out,
    )  # fmt: skip
    assert "head: drawn anew for 3 classes; the file has 10" in caplog.messages
    start.unlink()
    _run("train", "--resume", out)
    found = load_description(out / "model.safetensors")
    assert found.classes == tuple(_COLOURS)
    assert (found.preprocessing.size, found.preprocessing.mean) == ((32, 32), (0.5,) * 3)
    assert load_spec(out / "model.safetensors").num_classes == 3


@pytest.mark.bare("torch")
def test_other_classes_are_refused_where_labels_would_mean_others(name, run, photos, tmp_path):
    shutil.copytree(photos, tmp_path / "photos")
    (tmp_path / "photos" / "blue").rename(tmp_path / "photos" / "turquoise")
    for command in (("evaluate", run, "--backend", name, "--device", "cpu"),
                    ("train", "--resume", run, "--epochs", 8)):  # fmt: skip
        arguments = [str(word) for word in (*command, "--data", tmp_path / "photos")]
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == 1
        assert "turquoise" in result.output
        assert "blue" in result.output


def test_a_resumed_run_keeps_its_images(run):
    settings = json.loads((run / "config.json").read_text())["data_options"]
    assert settings["augmentation"]["flip"] is True
    assert settings["preprocessing"]["mean"] == [0.485, 0.456, 0.406]


def test_its_onnx_file_of_raw_pixels_gives_the_same_logits(backend, run, photos, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    out = tmp_path / "pixels.onnx"
    _run("export", run, "--format", "onnx", "--with-preprocessing", "--out", out)
    session = onnxruntime.InferenceSession(out, providers=["CPUExecutionProvider"])
    metadata = session.get_modelmeta().custom_metadata_map["anynet.images"]
    found = ImageDescription.from_dict(json.loads(metadata))
    assert found.classes == tuple(_COLOURS)
    # A colour's JPEGs that are RGB and not turned, which Pillow alone opens as `predict` does.
    pictures = [Image.open(photos / "red" / f"2-{number}.jpg") for number in (0, 3, 4)]
    seen = found.preprocessing
    pixels = np.stack([prepared_pixels(np.asarray(picture), seen) for picture in pictures])
    (logits,) = session.run(["logits"], {"pixels": pixels})
    images = np.stack([network_input(np.asarray(picture), seen) for picture in pictures])
    expected = backend.logits(backend.load(run / "model.safetensors"), images)
    np.testing.assert_allclose(logits, expected, rtol=1e-5, atol=1e-5)
