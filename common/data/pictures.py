"""Image files as networks see them."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from common.arch import DEFAULT_IMAGE_SIZE
from common.data.resize import prepare
from common.errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
"""Of red, green and blue in [0, 1], as torchvision's and timm's networks are trained with."""

_SIZES = {1: DEFAULT_IMAGE_SIZE, 3: 224}
_MODES = {1: "L", 3: "RGB"}


def read_picture(
    path: str | Path, channels: int, image_size: int | None = None
) -> NDArray[np.float32]:
    """An image file as a network of 1 or 3 input channels sees it: (channels, side, side).

    With one channel it is grey in [0, 1], resized as Fashion-MNIST is in training, to 96 pixels
    if `image_size` is not given; with three it is treated as by torchvision's reference for
    ImageNet, whose size is 224. Raises `DataError` naming the file.
    """
    if channels not in _MODES:
        raise DataError(
            f"{path}: images are for networks of 1 or 3 input channels; got one of {channels}"
        )
    size = image_size or _SIZES[channels]
    picture = _open(path, _MODES[channels])
    if channels == 1:
        grey: NDArray[np.float32] = prepare(np.asarray(picture)[None, None], (size, size))[0]
        return grey
    return _as_on_imagenet(picture, size)


def _open(path: str | Path, mode: str) -> "Image":
    from PIL import Image

    try:
        with Image.open(path) as file:
            return file.convert(mode)
    except Exception as error:  # Pillow's readers raise many kinds for a broken file
        raise DataError(f"{path}: must be an image that Pillow reads; got {error}") from error


def _as_on_imagenet(picture: "Image", size: int) -> NDArray[np.float32]:
    """The preset `ImageClassification` of torchvision, resized to 256 / 224 of `size` first."""
    from PIL.Image import Resampling

    short = size * 256 // 224
    width, height = (short * side // min(picture.size) for side in picture.size)
    resized = picture.resize((width, height), Resampling.BILINEAR)
    left, top = round((width - size) / 2), round((height - size) / 2)
    cropped = resized.crop((left, top, left + size, top + size))
    x = np.asarray(cropped, np.float32).transpose(2, 0, 1) / np.float32(255)
    mean, deviation = (np.array(v, np.float32) for v in (IMAGENET_MEAN, IMAGENET_STD))
    normalised: NDArray[np.float32] = (x - mean[:, None, None]) / deviation[:, None, None]
    return normalised
