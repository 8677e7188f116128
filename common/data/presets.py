"""Common preprocessings: ImageNet's, the default of files without one, plain resizing."""

from common.arch import DEFAULT_IMAGE_SIZE
from common.bounds import MAX_SIDE
from common.data.preprocessing import Preprocessing

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
"""Mean and standard deviation of RGB in [0, 1], as in torchvision and timm."""


def on_imagenet(size: int | tuple[int, int] = 224, channels: int = 3) -> Preprocessing:
    """ImageNet's: resize the short side to `size` * 256 / 224, then crop the centre.

    Three channels are normalised by ImageNet's mean and standard deviation; other numbers of
    channels are scaled to [0, 1].
    """
    height, width = (size, size) if isinstance(size, int) else size
    colour = channels == 3
    return Preprocessing(
        channels,
        (height, width),
        resize="short_side",
        resize_to=min(max(height, width) * 256 // 224, MAX_SIDE),
        crop="center",
        antialias=True,
        mean=IMAGENET_MEAN if colour else (0.0,),
        std=IMAGENET_STD if colour else (1.0,),
    )


def assumed(channels: int, size: int | tuple[int, int] | None = None) -> Preprocessing:
    """The preprocessing assumed for a network whose file does not contain it.

    With 3 input channels it is ImageNet's, by default for 224 pixels. Otherwise it is that of
    Fashion-MNIST in training: stretched to `size`, by default 96 pixels.
    """
    if channels == 3:
        return on_imagenet(size or 224)
    size = size or DEFAULT_IMAGE_SIZE
    return Preprocessing(channels, (size, size) if isinstance(size, int) else size)


def stretched(
    size: int | tuple[int, int],
    channels: int,
    mean: tuple[float, ...] = (0.0,),
    std: tuple[float, ...] = (1.0,),
) -> Preprocessing:
    """Resizing of height and width independently, for images of one aspect ratio."""
    pair = (size, size) if isinstance(size, int) else size
    return Preprocessing(channels, pair, antialias=True, mean=mean, std=std)
