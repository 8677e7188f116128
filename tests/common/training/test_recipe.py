"""Recipes, schedules and configs."""

import json

import pytest

from common import MLPSpec
from common.errors import ConfigError, SpecError
from common.training import CHAPTER_RECIPE, RECIPES, REGNET_RECIPE, Recipe, TrainConfig


def test_the_chapters_rate_is_constant():
    assert [CHAPTER_RECIPE.learning_rate(0.05, epoch, 10) for epoch in (0, 5.5, 9.9)] == [0.05] * 3


@pytest.mark.parametrize(("epoch", "factor"), [(0, 1.0), (5, 0.5), (10, 0.0)])
def test_the_cosine_falls_from_one_to_zero(epoch, factor):
    rate = Recipe(schedule="cosine").learning_rate(0.8, epoch, 10)
    assert rate == pytest.approx(0.8 * factor)


@pytest.mark.parametrize(("epoch", "factor"), [(0, 0.1), (2.5, 0.55), (5, 1.0), (7, 1.0)])
def test_a_warm_up_climbs_from_a_tenth(epoch, factor):
    assert Recipe(warmup_epochs=5).learning_rate(2.0, epoch, 10) == pytest.approx(2 * factor)


def test_the_papers_recipe_is_the_papers():
    assert Recipe(0.9, True, 5e-5, 5, "cosine") == REGNET_RECIPE


@pytest.mark.parametrize(("epoch", "whole"), [(0, 0), (0.99, 0), (1, 1), (2.5, 2), (9.999, 9)])
def test_the_rate_of_pycls_populations_is_that_of_the_epochs_beginning(epoch, whole):
    recipe, cosine = RECIPES["pycls-population"], Recipe(schedule="cosine")
    assert recipe.learning_rate(0.1, epoch, 10) == cosine.learning_rate(0.1, whole, 10)


def test_the_recipe_of_pycls_populations_is_the_papers_without_warm_up():
    assert Recipe(0.9, True, 5e-5, 0, "cosine", epochwise=True) == RECIPES["pycls-population"]


@pytest.mark.parametrize(("epoch", "rate"), [(0, 0.001), (0.5, 0.00976), (2, 0.005), (4, 0)])
def test_the_recipe_for_fine_tuning_warms_up_shortly_and_ends_at_zero(epoch, rate):
    found = RECIPES["finetune"].learning_rate(0.01, epoch, 4)
    assert found == pytest.approx(rate, rel=0.02)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"momentum": 1.0}, "momentum: must be at least 0 and below 1; got 1.0"),
        ({"nesterov": True}, "nesterov: needs a momentum above 0"),
        ({"weight_decay": -1}, "weight_decay: must be at least 0; got -1"),
        ({"warmup_epochs": float("nan")}, "warmup_epochs: must be at least 0; got nan"),
        ({"schedule": "step"}, "schedule: must be one of constant, cosine; got 'step'"),
        ({"optimizer": "lamb"}, "optimizer: must be one of sgd, adamw; got 'lamb'"),
        ({"momentum": 0.9, "optimizer": "adamw"}, "optimizer: adamw has no .*; got momentum 0.9"),
        ({"beta2": 0.99}, "optimizer: sgd has no beta1 or beta2 or epsilon; got beta2 0.99"),
        ({"optimizer": "adamw", "beta1": 1}, "beta1: must be at least 0 and below 1; got 1"),
        ({"optimizer": "adamw", "epsilon": 0}, "epsilon: must be above 0; got 0"),
        ({"clip_norm": -1}, "clip_norm: must be at least 0; got -1"),
        ({"clip_norm": 1e-20}, "clip_norm: must be 0, or at least 1e-12; got 1e-20"),
        ({"ema_decay": 1}, "ema_decay: must be at least 0 and below 1; got 1"),
        ({"ema_decay": 0.9999999}, "ema_decay: must be at most 0.999999; got"),
    ],
)
def test_a_bad_recipe_says_which_rule(settings, message):
    with pytest.raises(ConfigError, match=f"^{message}"):
        Recipe(**settings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": 0}, "epochs: must be at least 1; got 0"),
        ({"batch_size": 1.5}, "batch_size: must be an integer; got 1.5"),
        ({"seed": -1}, "seed: must be at least 0; got -1"),
        ({"learning_rate": float("inf")}, "learning_rate: must be above 0; got inf"),
        ({"device": "tpu"}, "device: must be one of auto, cpu, gpu; got 'tpu'"),
        ({"freeze": "stem"}, r"freeze: must be names of parts, such as .*; got 'stem'"),
        ({"freeze": ["stage3"]}, "freeze: must be parts .* stem, stage1, stage2, head; got stage3"),
        ({"freeze": ["head", "stem", "stage1", "stage2"]}, "freeze: must leave a part to train"),
        ({"precision": "int8"}, "precision: must be one of float32, tf32, .*float64; got 'int8'"),
    ],
)
def test_a_bad_config_says_which_rule(settings, message):
    with pytest.raises(ConfigError, match=f"^{message}"):
        TrainConfig("torch", **settings)


@pytest.mark.parametrize("resize", [(96, 96), (28, 30)])
def test_an_mlp_is_trained_on_images_of_its_size(resize):
    spec = MLPSpec(2, 8, 8, 2).network(image_size=28)
    assert TrainConfig("torch", spec, resize=(28, 28)).spec == spec
    with pytest.raises(SpecError, match="image_size must be that of the mlp, 28x28; got"):
        TrainConfig("torch", spec, resize=resize)


_ADAMW = Recipe(optimizer="adamw", beta2=0.99, clip_norm=1, ema_decay=0.999)


def test_a_config_with_every_option_comes_back_from_json():
    config = TrainConfig("jax", recipe=_ADAMW, freeze=["stem", "stage1"])
    assert TrainConfig.from_json(config.to_json()) == config
    assert TrainConfig.from_dict(config.to_dict()) == config
    assert config.settings_digest() != TrainConfig("jax").settings_digest()


def test_options_that_are_not_used_leave_a_config_as_it_was():
    config = json.loads(TrainConfig("torch").to_json())
    assert "freeze" not in config
    assert list(config["recipe"]) == [
        "momentum",
        "nesterov",
        "weight_decay",
        "warmup_epochs",
        "schedule",
    ]


def test_a_config_comes_back_from_json():
    config = TrainConfig("jax", recipe=REGNET_RECIPE, resize=(96, 64), seed=3)
    assert TrainConfig.from_json(config.to_json()) == config
