"""Ways to prepare images that have names: ImageNet's, Fashion-MNIST's, and plain resizing."""

from common.arch import DEFAULT_IMAGE_SIZE
from common.data.preprocessing import Preprocessing

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
"""Of red, green and blue in [0, 1], as torchvision's and timm's networks are trained with."""


def on_imagenet(size: int | tuple[int, int] = 224, channels: int = 3) -> Preprocessing:
    """What ImageNet's networks see: the short side at 256 / 224 of `size`, and its middle.

    Colours are normalised by ImageNet's mean and deviation; grey stays from 0 to 1.
    """
    height, width = (size, size) if isinstance(size, int) else size
    colour = channels == 3
    return Preprocessing(
        channels,
        (height, width),
        resize="short_side",
        resize_to=max(height, width) * 256 // 224,
        crop="center",
        antialias=True,
        mean=IMAGENET_MEAN if colour else (0.0,),
        std=IMAGENET_STD if colour else (1.0,),
    )


def assumed(channels: int, size: int | tuple[int, int] | None = None) -> Preprocessing:
    """What a network is taken to see whose file does not say it, by its number of input channels.

    One channel is seen as Fashion-MNIST is in training, stretched to `size`, by default 96 pixels;
    others as images are on ImageNet, by default of 224 pixels.
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
    """Height and width resized on their own, for images that have all the same shape."""
    pair = (size, size) if isinstance(size, int) else size
    return Preprocessing(channels, pair, antialias=True, mean=mean, std=std)
