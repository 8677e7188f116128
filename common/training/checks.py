"""Whether a network and its images go together."""

from common.arch import AnyNetSpec
from common.data import FashionMNIST
from common.errors import ConfigError


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
