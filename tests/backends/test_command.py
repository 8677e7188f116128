"""`anynet train`, `evaluate` and `summary` on the shipped sample, in each framework."""

import json

import pytest
from click.testing import CliRunner
from PIL import Image

from common import AnyNetSpec, MLPSpec
from common.cli import main
from common.data import FashionMNIST
from common.training import read_record
from common.weights import initial_weights, save_weights


def _run(*arguments, code=0):
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    return result


_SMALL = AnyNetSpec.from_arch(((1, 16, 8, 1), (1, 32, 8, 1)), 8)
_MLP = MLPSpec(3, 32, 16, 2, stem_channels=64).network()


def _train(name, folder, spec, *options):
    """The run of a network trained for one epoch on the sample."""
    (folder / "small.json").write_text(spec.to_json())
    _run(
        "train", "--backend", name, "--model", folder / "small.json", "--data", "sample",
        "--epochs", 1, "--batch-size", 100, "--lr", 0.1, *options, "--out", folder / "run",
    )  # fmt: skip
    return folder / "run"


@pytest.fixture(scope="module")
def run(backend, name, tmp_path_factory):
    """A small network trained at 28 pixels."""
    return _train(name, tmp_path_factory.mktemp("command"), _SMALL, "--image-size", 28)


def test_real_images_are_learnt(run):
    (end,) = (row for row in read_record(run / "record.jsonl") if row["kind"] == "end")
    assert end["accuracy"] > 0.5
    assert sum(map(sum, end["confusion"])) == 1000


def test_evaluate_finds_the_accuracy_of_the_record(run, name):
    result = _run("evaluate", run, "--backend", name, "--json")
    found, end = json.loads(result.stdout), read_record(run / "record.jsonl")[-1]
    assert (found["accuracy"], found["images"]) == (end["accuracy"], 1000)
    assert "at 28x28 pixels on the shipped sample" in result.stderr
    assert "as its run was trained" in result.stderr


@pytest.mark.bare("torch", "mx")
def test_evaluate_takes_another_size_when_told(run, name):
    path = run / "best.safetensors"
    result = _run("evaluate", path, "--backend", name, "--image-size", 20, "--json")
    assert json.loads(result.stdout)["image_size"] == [20, 20]
    assert "at 20x20 pixels" in result.stderr
    assert "its run was trained at 28x28" in result.stderr


@pytest.mark.bare("torch", "mx")
def test_predict_sees_images_at_the_size_of_the_run(run, name, backend, tmp_path):
    images = FashionMNIST(100, 28, "sample").val.images[:20]
    paths = [tmp_path / f"{index}.png" for index in range(len(images))]
    for path, image in zip(paths, images, strict=True):
        Image.fromarray(image[0]).save(path)
    result = _run("predict", run, *paths, "--backend", name, "--top", 1, "--json")
    network = backend.load(run / "model.safetensors")
    expected = backend.logits(network, images.astype("float32") / 255).argmax(1)
    assert [item["classes"][0]["class"] for item in json.loads(result.stdout)] == expected.tolist()
    assert "at 28x28 pixels, as its run was trained" in result.stderr


@pytest.mark.bare("torch", "mx")
def test_evaluate_reads_a_file_of_another_library(run, name, tmp_path):
    _run("convert", run, tmp_path / "net.npz", "--to", "d2l")
    arguments = ("--data", "sample", "--image-size", 28, "--batch-size", 100, "--json")
    result = _run("evaluate", tmp_path / "net.npz", "--backend", name, *arguments)
    assert (
        json.loads(result.stdout)["accuracy"] == read_record(run / "record.jsonl")[-1]["accuracy"]
    )
    assert f"{tmp_path / 'net.npz'}: d2l\n" in result.stderr


@pytest.mark.bare("torch", "mx")
def test_evaluate_computes_statistics_over_training_images(run, name):
    result = _run("evaluate", run, "--backend", name, "--json", "--precise-bn", 1000)
    precise, end = json.loads(result.stdout), read_record(run / "record.jsonl")[-1]
    assert precise["loss"] != end["loss"]
    assert precise["accuracy"] > 0.5


@pytest.mark.bare("torch", "mx")
def test_an_mlp_is_trained_and_evaluated_at_its_own_size(backend, name, tmp_path):
    run = _train(name, tmp_path, _MLP)
    arguments = ("--backend", name, "--json")
    result = json.loads(_run("evaluate", run, *arguments).stdout)
    assert result["accuracy"] == read_record(run / "record.jsonl")[-1]["accuracy"] > 0.6
    failed = _run("evaluate", run, *arguments, "--image-size", 32, code=1)
    assert "image_size must be that of the mlp, 28x28; got 32x32" in failed.stderr


def test_summary_reads_the_run(run):
    assert json.loads(_run("summary", run, "--json").stdout)["params"] > 0


@pytest.mark.bare("torch", "mx")
def test_a_finished_run_goes_on_for_more_epochs(run, name):
    _run("train", "--resume", run, "--epochs", 2)
    rows = read_record(run / "record.jsonl")
    assert [row["epoch"] for row in rows if row["kind"] == "epoch"] == [1, 2]


def test_a_directory_with_a_run_is_not_overwritten(run, name):
    result = _run("train", "--backend", name, "--data", "sample", "--out", run, code=1)
    assert "must not hold a run yet" in result.stderr


def test_backends_shows_the_version(backend, name):
    assert json.loads(_run("backends", "--json").stdout)[name]["versions"]


def test_a_loss_that_is_not_finite_is_no_evaluation(backend, name, tmp_path):
    weights = initial_weights(_SMALL)
    weights["stem.bn.running_var"][0] = -1
    save_weights(tmp_path / "diverged.safetensors", _SMALL, weights)
    arguments = ("--backend", name, "--image-size", 8, "--data", "sample", "--json")
    result = _run("evaluate", tmp_path / "diverged.safetensors", *arguments, code=1)
    assert "diverged.safetensors: the loss must stay finite; got nan" in result.stderr
    assert result.stdout == ""
