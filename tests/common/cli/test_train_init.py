"""How `anynet train` draws initial weights: by option, recipe, file, or not at all."""

from pathlib import Path

import numpy as np
import pytest

from common.training import read_config
from common.weights import initial_weights, load_weights

_RUN = ("--data", "photos", "--batch-size", 8, "--image-size", 8, "--epochs", 1, "--seed", 3)


@pytest.fixture
def started(train):
    """Runs `anynet train` with options; returns how its weights were drawn: what its config says,
    and whose arrays they are, but for the bias, in which the framework of these tests counts."""

    def call(*options):
        train(*_RUN, *options, "--out", "run")
        spec, arrays = load_weights(Path("run/model.safetensors"))
        drawn = [
            init
            for init in ("xavier", "he", "he_zero_gamma")
            if all(
                np.array_equal(arrays[name], array)
                for name, array in initial_weights(spec, 3, init).items()
                if name != "head.fc.bias"
            )
        ]
        return read_config(Path("run")).init, drawn

    return call


@pytest.mark.parametrize(("options", "init"), [
    ((), "xavier"),
    (("--init", "he"), "he"),
    (("--init", "he_zero_gamma"), "he_zero_gamma"),
    (("--recipe", "imagenet"), "he"),
    (("--recipe", "cifar"), "he"),
    (("--recipe", "finetune"), "xavier"),
    (("--recipe", "imagenet", "--init", "xavier"), "xavier"),
])  # fmt: skip
def test_weights_are_drawn_as_said(started, options, init):
    assert started(*options) == (init, [init])


def test_a_file_says_how_weights_are_drawn(started):
    Path("a.yaml").write_text("init: he\n")
    assert started("--config", "a.yaml") == ("he", ["he"])


def test_a_file_comes_before_its_recipe(started):
    Path("a.yaml").write_text("init: he_zero_gamma\nrecipe: imagenet\n")
    assert started("--config", "a.yaml") == ("he_zero_gamma", ["he_zero_gamma"])


def test_an_option_comes_before_a_file(started):
    Path("a.yaml").write_text("init: he\n")
    assert started("--config", "a.yaml", "--init", "xavier") == ("xavier", ["xavier"])


def test_the_recipe_says_how_it_draws_weights(train):
    told = train(*_RUN, "--recipe", "imagenet", "--out", "run")
    assert "augmentation imagenet, initial weights by he" in told


@pytest.mark.parametrize("init", ["xavier", "he"])
def test_drawing_is_refused_beside_weights(train, init):
    train(*_RUN, "--out", "run")
    told = train(*_RUN, "--weights", "run/model.safetensors", "--init", init, "--out", "b", code=1)
    assert f"init: initial weights must be drawn; got {init} beside the weights" in told
    assert not Path("b").exists()


def test_weights_take_the_place_of_what_a_recipe_or_a_file_draws(train):
    train(*_RUN, "--out", "run")
    Path("a.yaml").write_text("init: he\n")
    weights = ("--weights", "run/model.safetensors")
    train(*_RUN, *weights, "--recipe", "imagenet", "--out", "b")
    train(*_RUN, *weights, "--config", "a.yaml", "--out", "c")
    assert {read_config(Path(name)).init for name in "bc"} == {"xavier"}


def test_a_file_with_both_is_refused(train):
    train(*_RUN, "--out", "run")
    Path("a.yaml").write_text("init: he\nweights: run/model.safetensors\n")
    told = train(*_RUN, "--config", "a.yaml", "--out", "b", code=1)
    assert "a.yaml: init: must be left out beside weights" in told


def test_a_network_of_zeros_is_not_trained(train):
    Path("a.yaml").write_text("init: zeros\n")
    told = train(*_RUN, "--config", "a.yaml", "--out", "run", code=1)
    assert "a.yaml: init: must be one of xavier, he, he_zero_gamma; got 'zeros'" in told


def test_a_resumed_run_keeps_its_weights(train):
    train(*_RUN, "--init", "he", "--out", "run")
    told = train("--resume", "run", "--init", "he", code=1)
    assert "resume: a run keeps its settings; got --init; leave them out" in told
    train("--resume", "run", "--epochs", 2)
    assert read_config(Path("run")).init == "he"


def test_the_config_of_a_usual_run_is_that_of_older_releases(train):
    train(*_RUN, "--out", "run")
    assert '"init"' not in Path("run/config.json").read_text()
