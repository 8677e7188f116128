"""Checks that model, data and settings of a training run fit each other."""

import numpy as np

from common.arch import AnyNetSpec
from common.bounds import MAX_EPOCHS
from common.chapter import DATA_HOOKS, TRAINER_HOOKS, refuse_overrides
from common.data import check_image_data
from common.errors import BackendError, ConfigError, shortened
from common.numbers import checked_integer
from common.training.evaluate import LossOf
from common.training.learner import check_model


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


def check_trainer(num_gpus: object, gradient_clip_val: object, stop_after: object = None) -> None:
    """Raise `ConfigError` for a trainer's arguments that are not settings of a `TrainConfig`."""
    checked_integer("num_gpus:", num_gpus, 0, 1, ConfigError)
    if stop_after is not None:
        checked_integer("stop_after:", stop_after, 1, MAX_EPOCHS, ConfigError)
    if gradient_clip_val != 0:
        raise ConfigError(
            "gradient_clip_val: must be 0, as gradients are not clipped; "
            f"got {shortened(gradient_clip_val)}; leave it out, and lower the learning rate"
        )


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
