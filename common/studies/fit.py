"""Checks that a study's networks fit its data."""

from dataclasses import replace
from typing import Final

from common.arch import StageSpec, image_shape
from common.data import ImageData, open_data
from common.errors import ConfigError, SpecError
from common.spaces import DesignSpace
from common.studies.config import StudyConfig
from common.training import TrainConfig
from common.training.checks import check_images
from common.training.precise_bn import images_taken

OWN_DATA: Final = "none"
"""`TrainConfig.data` of a study whose objective has its own data."""


def for_the_data(space: DesignSpace, data: ImageData) -> DesignSpace:
    """The space with the input channels and number of classes of `data`."""
    channels, classes = data.preprocessing.channels, len(data.classes)
    template = replace(space.template, in_channels=channels, num_classes=classes)
    return replace(space, template=template)


def check_study(config: StudyConfig) -> None:
    """Raise `ConfigError` or `DataError` unless the data exist and every space fits them.

    Channels, classes, image size and the image size of complexity limits must match, and the data
    must fill a batch. Data that an objective has by itself (`OWN_DATA`) are not checked. Raises
    `StudyError` for an imported study.
    """
    config.check_trains("study")
    training = config.training
    for space in config.designed:
        _check_size(space, training)
    if config.objective is not None and training.data == OWN_DATA:
        return
    data = open_data(training.data, training.batch_size, training.resize, training.data_options)
    for space in config.designed:
        _check_images(space, data)
    images_taken(training.precise_bn, data)


def _check_images(space: DesignSpace, data: ImageData) -> None:
    channels, classes = data.preprocessing.channels, len(data.classes)
    network = space.template.network((StageSpec(1, 1),))
    remedy = f"give its template in_channels {channels} and num_classes {classes}"
    try:
        check_images(network, channels, classes, remedy)
    except ConfigError as error:
        raise ConfigError(f"space {space.name}: {error}") from error


def _check_size(space: DesignSpace, training: TrainConfig) -> None:
    try:
        image_shape(space.template.network((StageSpec(1, 1),)), training.resize)
    except SpecError as error:
        raise ConfigError(
            f"space {space.name}: {error}; train it at that size, if necessary in a study of its "
            "own"
        ) from error
    limits, size = space.limits, training.resize
    if limits.depends_on_size and size != (limits.image_size,) * 2:
        raise ConfigError(
            f"space {space.name}: its limits must be counted at the image size, "
            f"{size[0]}x{size[1]}; "
            f"got limits at image_size {limits.image_size}; change one of them"
        )
