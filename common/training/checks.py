"""Whether what is given to a trainer goes together."""

import numpy as np

from common.arch import AnyNetSpec
from common.bounds import MAX_EPOCHS
from common.data import FashionMNIST
from common.errors import BackendError, ConfigError, DataError, shortened
from common.numbers import checked_integer
from common.training.evaluate import LossOf
from common.training.recipe import check_recipe


def check_images(
    spec: AnyNetSpec, channels: int = 1, classes: int = FashionMNIST.num_classes
) -> None:
    """Raise `ConfigError` unless `spec` takes images of so many channels and tells classes apart.

    By default they are those of Fashion-MNIST. A network may have classes that never occur.
    """
    if spec.in_channels != channels or spec.num_classes < classes:
        raise ConfigError(
            f"model: must take {channels} channel{'s' * (channels > 1)} and tell {classes} classes "
            f"apart, as the images have them; got in_channels {spec.in_channels} and num_classes "
            f"{spec.num_classes}"
        )


_READ = ("train_batches", "val_batches", "image_shape", "batch_size", "resize", "classes")


def check_data(data: object) -> None:
    """Raise `DataError` unless `data` has what training reads, as `FashionMNIST` has."""
    missing = [name for name in _READ if not hasattr(data, name)]
    if missing:
        raise DataError(
            "data: must be FashionMNIST, or have all that training reads of it; "
            f"got {type(data).__name__} without {', '.join(missing)}"
        )


def check_trainer(
    num_gpus: object, recipe: object, gradient_clip_val: object, stop_after: object = None
) -> None:
    """Raise `ConfigError` for arguments of a trainer that would be ignored or misread."""
    checked_integer("num_gpus:", num_gpus, 0, 1, ConfigError)
    if stop_after is not None:
        checked_integer("stop_after:", stop_after, 1, MAX_EPOCHS, ConfigError)
    check_recipe(recipe)
    if gradient_clip_val != 0:
        raise ConfigError(
            "gradient_clip_val: must be 0, for gradients are not clipped; "
            f"got {shortened(gradient_clip_val)}; leave it out, and lower the learning rate"
        )


def check_loss(loss_of: LossOf, classes: int) -> None:
    """Raise `BackendError` unless a user's loss is one number for a batch."""
    try:
        loss_of(np.zeros((2, classes)), np.zeros(2, np.int32))
    except (TypeError, ValueError, RuntimeError) as error:  # as frameworks say it
        raise BackendError(
            "loss: must return one number, the mean over logits (N, classes) and labels (N,); "
            f"got {shortened(' '.join(str(error).split()))}"
        ) from error
