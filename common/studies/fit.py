"""Whether a study can begin: its networks and its data go together."""

from dataclasses import replace

from common.arch import StageSpec, image_shape
from common.data import FashionMNIST
from common.errors import ConfigError, SpecError
from common.spaces import DesignSpace
from common.studies.config import StudyConfig
from common.training import TrainConfig
from common.training.checks import check_images
from common.training.precise_bn import images_taken


def for_the_data(space: DesignSpace) -> DesignSpace:
    """The space with the channels and classes of Fashion-MNIST; its stages stay."""
    classes = FashionMNIST.num_classes
    return replace(space, template=replace(space.template, in_channels=1, num_classes=classes))


def check_study(config: StudyConfig) -> None:
    """Raise `ConfigError` or `DataError` unless every space fits the data, which must be there.

    Channels, classes, the size of the images and that of limits on complexity must fit, and the
    data must fill a batch.
    """
    training = config.training
    data = FashionMNIST(training.batch_size, training.resize, training.data)
    for space in config.spaces:
        _check_space(space, data, training)
    images_taken(training.precise_bn, data)


def _check_space(space: DesignSpace, data: FashionMNIST, training: TrainConfig) -> None:
    channels, classes = data.image_shape[0], data.num_classes
    network = space.template.network((StageSpec(1, 1),))
    try:
        check_images(network, channels, classes)
    except ConfigError as error:
        raise ConfigError(
            f"space {space.name}: {error}; give its template in_channels {channels} and "
            f"num_classes {classes}"
        ) from error
    try:
        image_shape(network, training.resize)
    except SpecError as error:
        raise ConfigError(
            f"space {space.name}: {error}; train it at that size, in a study of its own if others "
            "are not"
        ) from error
    limits, size = space.limits, training.resize
    if (limits.flops or limits.activations) and size != (limits.image_size,) * 2:
        raise ConfigError(
            f"space {space.name}: its limits must count at the images' size, {size[0]}x{size[1]}; "
            f"got limits at image_size {limits.image_size}; change one of them"
        )
