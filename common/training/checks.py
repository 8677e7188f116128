"""Checks that model, data and settings of a training run fit each other."""

from dataclasses import replace

import numpy as np

from common.arch import AnyNetSpec
from common.bounds import MAX_EPOCHS, MAX_RATE
from common.chapter import DATA_HOOKS, TRAINER_HOOKS, refuse_overrides
from common.data import check_image_data
from common.errors import BackendError, ConfigError, shortened
from common.numbers import checked_integer, checked_number
from common.training.evaluate import LossOf
from common.training.learner import check_model
from common.training.recipe import Recipe, check_recipe


def check_images(
    spec: AnyNetSpec, channels: int, classes: int, remedy: str = "make it for these images"
) -> None:
    """Raise `ConfigError` unless `spec` accepts `channels` and has at least `classes` classes.

    `remedy` ends the message.
    """
    if spec.in_channels != channels or spec.num_classes < classes:
        raise ConfigError(
            f"model: must have in_channels {channels} and num_classes {classes} or more, as the "
            f"images do; got in_channels {spec.in_channels} and num_classes {spec.num_classes}; "
            f"{remedy}"
        )


def check_trainer(num_gpus: object, stop_after: object = None) -> None:
    """Raise `ConfigError` for a trainer's arguments that are not settings of a `TrainConfig`."""
    checked_integer("num_gpus:", num_gpus, 0, 1, ConfigError)
    if stop_after is not None:
        checked_integer("stop_after:", stop_after, 1, MAX_EPOCHS, ConfigError)


def with_clipping(recipe: Recipe, gradient_clip_val: object) -> Recipe:
    """`recipe` with d2l's `gradient_clip_val` as its `clip_norm`, unless that is 0.

    Raises `ConfigError`, also if the recipe has another one.
    """
    check_recipe(recipe)
    rule = "a number, at least 0"
    value = checked_number(
        "gradient_clip_val:", gradient_clip_val, 0, MAX_RATE, rule, ConfigError, lambda v: v >= 0
    )
    if not value:
        return recipe
    if recipe.clip_norm not in (0, value):
        raise ConfigError(
            f"gradient_clip_val: must be the recipe's clip_norm, {recipe.clip_norm}; got {value}; "
            "leave one of them out"
        )
    return replace(recipe, clip_norm=value)


def check_fit(trainer: object, model: object, data: object, resume: object) -> None:
    """Check the arguments of `Trainer.fit`, and that no overridden method would be ignored.

    Raises `BackendError`, `ConfigError` or `DataError`.
    """
    check_model(model)
    refuse_overrides(trainer, TRAINER_HOOKS)
    refuse_overrides(data, DATA_HOOKS)
    check_image_data(data)
    if not isinstance(resume, bool):
        raise ConfigError(
            f"resume: must be true or false; got {shortened(resume)}; fit takes no key: "
            "weights are drawn from the model's seed, and batches from the trainer's"
        )
    if resume and getattr(trainer, "out", None) is None:
        raise ConfigError("resume: needs the directory of the run; got none; give Trainer its out")


def check_loss(loss_of: LossOf, classes: int) -> None:
    """Raise `BackendError` unless a user's loss function returns one number for a batch."""
    try:
        loss_of(np.zeros((2, classes)), np.zeros(2, np.int32))
    except (TypeError, ValueError, RuntimeError) as error:  # depends on the framework
        raise BackendError(
            "loss: must return one number, the mean over logits (N, classes) and labels (N,); "
            f"got {shortened(' '.join(str(error).split()))}"
        ) from error
