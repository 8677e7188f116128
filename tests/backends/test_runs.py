"""Whole runs: on images that are not square, and in every precision."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from common import AnyNetSpec, reference
from common.cli import main
from common.errors import BackendError
from common.training import Recipe, read_config
from common.weights import load_weights
from tests.batches import Batches

_SPEC = AnyNetSpec.from_arch(((1, 8, 4, 1),), 8, se_ratio=0.25)
_RECIPE = Recipe(0.9, True, 5e-4)


def _data():
    """Images that are not square, and labels."""
    stream = np.random.default_rng(0)
    return stream.integers(0, 256, (16, 1, 9, 13), np.uint8), stream.integers(0, 10, 16, np.int32)


def _steps(module, precision):
    """Losses, logits and weights of two steps, in which images are resized."""
    images, labels = _data()
    learner = module.Learner(module.create(_SPEC), (1, 12, 20), _RECIPE, "cpu", precision)
    losses = [float(learner.train_step(images, labels, 0.1)[0]) for _ in range(2)]
    return {"losses": np.array(losses), "logits": learner.eval_step(images), **learner.state()}


def test_steps_on_images_that_are_not_square_are_the_references(backend):
    found, expected = _steps(backend, "float64"), _steps(reference, "float64")
    for name, array in expected.items():
        np.testing.assert_allclose(found[name], array, rtol=1e-6, atol=1e-9, err_msg=name)


@pytest.fixture(scope="module")
def oblong(backend, tmp_path_factory):
    """A run on images of 20 rows and 12 columns, and its trainer."""
    out = tmp_path_factory.mktemp("oblong") / "run"
    trainer = backend.Trainer(1, 0, out=out, progress=False)
    trainer.fit(backend.AnyNet.from_spec(_SPEC), backend.FashionMNIST(500, (20, 12), "sample"))
    return out, trainer


def _run(*arguments):
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.mark.bare("torch", "mx")
def test_a_run_on_images_that_are_not_square_is_evaluated_as_it_was_trained(name, oblong):
    run, trainer = oblong
    found = _run("evaluate", run, "--backend", name, "--json")
    assert found["image_size"] == [20, 12]
    assert found["accuracy"] == trainer.evaluation.accuracy


@pytest.mark.bare("torch", "mx")
def test_a_run_on_images_that_are_not_square_predicts(backend, name, oblong, tmp_path):
    run, trainer = oblong
    pixels = np.random.default_rng(1).integers(0, 256, (20, 12), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    (item,) = _run("predict", run, tmp_path / "a.png", "--backend", name, "--json")
    logits = backend.logits(trainer.network, pixels[None, None] / np.float32(255))
    assert item["classes"][0]["class"] == logits.argmax()


@pytest.mark.parametrize(
    "precision",
    [
        pytest.param("float64", marks=pytest.mark.bare("torch", "mx", "jax")),
        pytest.param("bfloat16", marks=pytest.mark.bare("torch", "mx", "tf")),
    ],
)
def test_a_run_in_another_precision_is_resumed_to_the_same_bytes(
    backend, name, tmp_path, precision
):
    def fit(out, epochs, resume=False):
        trainer = backend.Trainer(
            epochs, 0, _RECIPE, out=tmp_path / out, progress=False, precision=precision
        )
        trainer.fit(
            backend.AnyNet.from_spec(_SPEC, lr=0.05), Batches(*_data(), val=8), resume=resume
        )

    if (name, precision) == ("mx", "bfloat16"):
        with pytest.raises(BackendError, match="bfloat16"):
            fit("run", 1)
        return
    fit("whole", 2)
    fit("parts", 1)
    fit("parts", 2, resume=True)
    whole, parts = (tmp_path / out / "model.safetensors" for out in ("whole", "parts"))
    assert whole.read_bytes() == parts.read_bytes()
    assert read_config(tmp_path / "parts").precision == precision
    assert {array.dtype.name for array in load_weights(whole)[1].values()} == {"float32"}
