"""Options that say how images are split, read and augmented."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import click

from common.cli.types import SEED, Number
from common.data import DataOptions
from common.data.augment import AUGMENTATIONS
from common.data.sources.split import VALIDATION_SHARE

_OPTIONS = (
    click.option(
        "--augment",
        type=click.Choice(list(AUGMENTATIONS)),
        default="none",
        show_default=True,
        help="Vary training images: flip mirrors half of them, cifar also shifts them by up to 4 "
        "pixels, crop takes random resized crops and mirrors, imagenet adds PCA lighting.",
    ),
    click.option(
        "--mixup",
        metavar="ALPHA",
        type=Number(0, 100),
        default=0.0,
        show_default=True,
        help="Mix each training image and its label with another one of its batch, in a share "
        "drawn from Beta(ALPHA, ALPHA), such as 0.2; 0 mixes none.",
    ),
    click.option(
        "--channels",
        type=click.Choice(["1", "3"]),
        default="3",
        show_default=True,
        help="Read the image files of a folder as grey (1) or colour (3).",
    ),
    click.option(
        "--val-share",
        type=Number(0, 1, min_open=True, max_open=True),
        default=VALIDATION_SHARE,
        show_default=True,
        help="Share of each class to validate on, if the data has no validation images.",
    ),
    click.option(
        "--split-seed",
        type=SEED,
        default=0,
        show_default=True,
        help="Draws those validation images.",
    ),
)


def image_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """How images are split, read and augmented."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def chosen_images(options: dict[str, Any]) -> DataOptions:
    """What the options of `image_options` say; images are prepared as the data set usually is."""
    augmentation = replace(AUGMENTATIONS[options["augment"]], mixup=options["mixup"])
    return DataOptions(None, augmentation, options["val_share"], options["split_seed"])
