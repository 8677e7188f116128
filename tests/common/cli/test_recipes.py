"""Recipes by name: what they bring to `anynet train`, and what comes before them."""

from pathlib import Path

import numpy as np
import pytest

from common.data.augment import AUGMENTATIONS
from common.training import RECIPES, read_config

_SMALL = ("--data", "photos", "--batch-size", 8, "--image-size", 8, "--stop-after", 1)


@pytest.fixture
def config(run, framework, photos):
    """Runs `anynet train` for an epoch; returns the settings of the run, and what it printed."""

    def call(*options, data=_SMALL):
        result = run("train", *data, *options, "--out", "run")
        assert result.exit_code == 0, result.output
        return read_config(Path("run")), result.stderr

    return call


@pytest.mark.parametrize(("name", "epochs", "rate", "augmentation"), [
    ("chapter", 10, 0.05, "none"),
    ("regnet", 10, 0.05, "none"),
    ("population", 10, 0.05, "none"),
    ("imagenet", 100, 0.1 / 16, "imagenet"),
    ("cifar", 200, 0.1 / 16, "cifar"),
    ("finetune", 10, 0.01, "crop"),
])  # fmt: skip
def test_a_recipe_brings_its_settings(config, name, epochs, rate, augmentation):
    found, told = config("--recipe", name)
    assert (found.recipe, found.epochs) == (RECIPES[name], epochs)
    assert found.learning_rate == pytest.approx(rate, rel=1e-15)
    assert found.data_options.augmentation == AUGMENTATIONS[augmentation]
    assert (f"recipe {name}: {epochs} epochs, learning rate {rate:g}" in told) == (
        augmentation != "none"
    )


def test_options_come_before_a_recipe(config):
    found, told = config(
        "--recipe", "finetune", "--epochs", 2, "--lr", 0.2, "--augment", "flip", "--mixup", 0.1,
        "--label-smoothing", 0, "--momentum", 0.8,
    )  # fmt: skip
    assert (found.epochs, found.learning_rate) == (2, 0.2)
    assert (found.recipe.momentum, found.recipe.label_smoothing) == (0.8, 0)
    assert (found.recipe.weight_decay, found.recipe.nesterov) == (1e-5, True)
    varied = found.data_options.augmentation
    assert (varied.crop, varied.flip, varied.mixup) == ("none", True, 0.1)
    assert "recipe finetune" not in told


def test_mixup_is_added_to_the_augmentation_of_a_recipe(config):
    found, _ = config("--recipe", "cifar", "--mixup", 0.2)
    assert (found.data_options.augmentation.crop, found.data_options.augmentation.mixup) == (
        "padded",
        0.2,
    )


def test_a_file_comes_before_the_recipe_that_it_names(config):
    Path("a.yaml").write_text("recipe: imagenet\nepochs: 3\nbatch_size: 4\n")
    found, told = config("--config", "a.yaml", "--batch-size", 16)
    assert (found.epochs, found.batch_size) == (3, 16)
    assert found.learning_rate == pytest.approx(0.1 / 8)
    assert found.data_options.augmentation == AUGMENTATIONS["imagenet"]
    assert "recipe imagenet: learning rate 0.0125, augmentation imagenet" in told


def test_a_recipe_that_is_given_comes_before_a_file(config):
    Path("a.yaml").write_text("recipe: imagenet\nepochs: 3\nlearning_rate: 1\n")
    found, _ = config("--config", "a.yaml", "--recipe", "cifar")
    assert (found.epochs, found.learning_rate) == (200, 0.1 / 16)
    assert found.recipe == RECIPES["cifar"]


def test_the_settings_of_a_run_hold_all_that_its_recipe_brought(config, run, tmp_path):
    found, _ = config("--recipe", "imagenet")
    assert run("train", "--config", "run", "--stop-after", 1, "--out", "again").exit_code == 0
    assert read_config(tmp_path / "again") == found


def test_grey_images_get_no_lighting(config):
    images, labels = np.zeros((20, 8, 8), np.uint8), np.arange(20) % 2
    np.savez("grey.npz", images=images, labels=labels)
    small = ("--data", "grey.npz", *_SMALL[2:])
    found, told = config("--recipe", "imagenet", data=small)
    assert found.data_options.augmentation.lighting == 0
    assert "recipe imagenet: no PCA lighting, which is for colour images" in told
