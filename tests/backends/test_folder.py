"""From a folder of photos to predictions and an ONNX file, by the command line."""

import json
import shutil
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from safetensors.numpy import save_file

from common import reference
from common.cli import main
from common.data import (
    ImageDescription,
    SourceData,
    assumed,
    network_input,
    prepared_pixels,
    read_picture,
)
from common.data.sources import find_images
from common.weights import initial_weights, load_description, load_spec, load_weights
from tests.foreign import regnet, state
from tests.photos import CLASSES, make_photos

pytestmark = pytest.mark.bare("torch", "mx")

_STOPPED_AT = (2, 11)
"""Epoch and step before which a run is stopped."""


def _run(*arguments):
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Six hundred JPEGs of different sizes, modes and turns."""
    return make_photos(tmp_path_factory.mktemp("photos") / "photos")


@pytest.fixture(scope="module")
def settings(name, backend, photos, tmp_path_factory):
    """The options of a run on the photos in this framework."""
    spec = tmp_path_factory.mktemp("specs") / "small.json"
    small = backend.AnyNet([(1, 16, 8, 1, 2), (1, 32, 8, 1, 2)], 8).spec.to_dict()
    spec.write_text(json.dumps({**small, "in_channels": 3, "num_classes": len(CLASSES)}))
    return (
        "--backend", name, "--data", photos, "--model", spec, "--image-size", 32,
        "--epochs", 5, "--batch-size", 16, "--recipe", "population", "--lr", 0.1,
        "--augment", "flip", "--device", "cpu",
        "--log-every", 4, "--checkpoint-every", 0,
    )  # fmt: skip


@pytest.fixture(scope="module")
def run(settings, tmp_path_factory):
    """A run that is not interrupted."""
    out = tmp_path_factory.mktemp("runs") / "photos"
    _run("train", *settings, "--out", out)
    return out


@pytest.fixture(scope="module")
def pictures(photos):
    """Photos of every class and kind, with the classes that they have."""
    files = [photos / name / f"{number:03}.jpg" for name in CLASSES for number in range(5)]
    return files, np.repeat(np.arange(len(CLASSES)), 5)


def test_the_run_learns_garments_and_colours(name, run, photos):
    result = _run("evaluate", run, "--backend", name, "--device", "cpu", "--json")
    found = json.loads(result.stdout)
    assert found["accuracy"] > 0.95
    assert str(photos) in found["data"]


def test_a_run_that_is_stopped_within_an_epoch_ends_in_the_same_bytes(
    run, settings, tmp_path, monkeypatch
):
    batches = SourceData.train_batches

    def stopped(self, seed, epoch, start=0):
        last, step = _STOPPED_AT
        yield from islice(batches(self, seed, epoch, start), step if epoch == last else None)
        if epoch == last:
            raise KeyboardInterrupt

    out = tmp_path / "run"
    with monkeypatch.context() as patched:
        patched.setattr(SourceData, "train_batches", stopped)
        command = ["train", *map(str, settings), "--out", str(out)]
        assert CliRunner().invoke(main, command).exit_code == 130
    assert not (out / "model.safetensors").exists()
    _run("train", "--resume", out, "--workers", 0)
    for file in ("model.safetensors", "best.safetensors"):
        assert (out / file).read_bytes() == (run / file).read_bytes()


def test_the_weight_file_says_how_images_are_prepared_and_classes_called(run):
    found = load_description(run / "model.safetensors")
    assert found.classes == CLASSES
    assert found.preprocessing == assumed(3, 32)


def test_a_file_away_from_its_run_predicts_the_photos(name, run, photos, tmp_path):
    model = (run / "model.safetensors").read_bytes()
    (tmp_path / "mine.safetensors").write_bytes(model)
    result = _run(
        "predict", tmp_path / "mine.safetensors", photos, "--backend", name, "--top", 1, "--json"
    )
    items = json.loads(result.stdout)
    right = [item["classes"][0]["name"] == Path(item["image"]).parent.name for item in items]
    assert len(right) == 100 * len(CLASSES)
    assert np.mean(right) > 0.95


def test_its_logits_are_those_of_the_reference(backend, run, pictures):
    files, labels = pictures
    images = np.stack([read_picture(file, assumed(3, 32)) for file in files])
    spec, arrays = load_weights(run / "model.safetensors")
    network = reference.create(spec, init="zeros")
    reference.set_weights(network, arrays)
    expected = reference.layer_outputs(network, images.astype(np.float64))["head.fc"]
    logits = backend.logits(backend.load(run / "model.safetensors"), images)
    assert (expected.argmax(1) == labels).mean() > 0.9
    np.testing.assert_array_equal(logits.argmax(1), expected.argmax(1))
    np.testing.assert_allclose(logits, expected, rtol=0, atol=1e-5)


def test_its_onnx_file_of_raw_pixels_gives_the_same_logits(backend, run, photos, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    out = tmp_path / "pixels.onnx"
    _run("export", run, "--format", "onnx", "--with-preprocessing", "--out", out)
    session = onnxruntime.InferenceSession(out, providers=["CPUExecutionProvider"])
    metadata = session.get_modelmeta().custom_metadata_map["anynet.images"]
    found = ImageDescription.from_dict(json.loads(metadata))
    assert found.classes == CLASSES
    source, seen = find_images(photos).val, found.preprocessing
    decoded = [source.read(index) for index in range(len(source))]
    pixels = np.stack([prepared_pixels(image, seen) for image in decoded])
    (logits,) = session.run(["logits"], {"pixels": pixels})
    assert (logits.argmax(1) == source.labels).mean() > 0.95
    images = np.stack([network_input(image, seen) for image in decoded])
    expected = backend.logits(backend.load(run / "model.safetensors"), images)
    np.testing.assert_allclose(logits, expected, rtol=0, atol=1e-5)


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
    assert "head: drawn anew for 6 classes; the file has 10" in caplog.messages
    start.unlink()
    _run("train", "--resume", out)
    found = load_description(out / "model.safetensors")
    assert found.classes == CLASSES
    assert (found.preprocessing.size, found.preprocessing.mean) == ((32, 32), (0.5,) * 3)
    assert load_spec(out / "model.safetensors").num_classes == len(CLASSES)


@pytest.mark.bare("torch")
def test_other_classes_are_refused_where_labels_would_mean_others(name, run, photos, tmp_path):
    shutil.copytree(photos, tmp_path / "photos")
    (tmp_path / "photos" / "blue bag").rename(tmp_path / "photos" / "cyan bag")
    for command in (("evaluate", run, "--backend", name, "--device", "cpu"),
                    ("train", "--resume", run, "--epochs", 8)):  # fmt: skip
        arguments = [str(word) for word in (*command, "--data", tmp_path / "photos")]
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == 1
        assert "cyan bag" in result.output
        assert "blue bag" in result.output


@pytest.mark.bare("torch")
def test_evaluation_on_grey_images_says_what_to_do(name, run):
    command = ["evaluate", str(run), "--backend", name, "--device", "cpu", "--data", "sample"]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 1
    assert "channels of the images; got 3; take images of as many channels as" in result.output


def test_a_resumed_run_keeps_its_images(run):
    settings = json.loads((run / "config.json").read_text())["data_options"]
    assert settings["augmentation"]["flip"] is True
    assert settings["preprocessing"]["mean"] == [0.485, 0.456, 0.406]


@pytest.mark.bare("torch")
def test_a_study_on_photos_is_interrupted_continued_and_reported(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    photos = make_photos(tmp_path / "photos", per_class=10)
    settings = ("--space", "AnyNetXA-small", "--networks", 3, "--epochs", 1, "--batch-size", 16,
                "--data", "photos", "--augment", "flip", "--device", "cpu")  # fmt: skip
    _run("study", "create", "mine", "--backend", name, *settings)
    _run("study", "work", "mine", "--max", 1)
    _run("study", "run", "mine", "--backend", name, *settings, "--workers", 1)
    _run("study", "report", "mine", "--out", "report")
    page = (tmp_path / "report" / "index.html").read_text()
    for told in (str(photos), "3 channels, 6 classes", "flip True"):
        assert told in page
    records = list((tmp_path / "report" / "records").iterdir())
    assert len(records) == 3
    assert all('"kind": "epoch"' in record.read_text() for record in records)
