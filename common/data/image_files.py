"""Image files as networks see them."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from numpy.typing import NDArray

from common.arch import DEFAULT_IMAGE_SIZE
from common.arch.plan import ImageSize
from common.data.decode import MAX_PIXELS, decode, image_endings
from common.data.resize import prepare
from common.errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
"""Of red, green and blue in [0, 1], as torchvision's and timm's networks are trained with."""

_SIZES = {1: DEFAULT_IMAGE_SIZE, 3: 224}
_MODES: Final[dict[int, Literal["L", "RGB"]]] = {1: "L", 3: "RGB"}


def read_picture(
    path: str | Path, channels: int, image_size: ImageSize | None = None
) -> NDArray[np.float32]:
    """An image file as a network of 1 or 3 input channels sees it: (channels, height, width).

    With one channel it is grey in [0, 1], resized as Fashion-MNIST is in training, to 96 pixels
    if `image_size`, a side or (height, width), is not given; with three it is cut to a square, as
    by torchvision's reference for ImageNet, whose size is 224. `common.data.decode` says how bit
    depths, transparency and turned photos become pixels. Raises `DataError` naming the file.
    """
    _check_channels(channels, path)
    height, width = _pair(image_size or _SIZES[channels])
    picture = decode(path, _MODES[channels])
    if channels == 1:
        grey: NDArray[np.float32] = prepare(np.asarray(picture)[None, None], (height, width))[0]
        return grey
    if height != width:
        raise DataError(
            f"{path}: a picture of three channels is cut to a square; got {height}x{width} pixels"
        )
    return _as_on_imagenet(picture, height, path)


@dataclass(frozen=True)
class Pictures:
    """Image files in their order, each with its error or none, and the images of those without.

    `images` is float32 (N, C, H, W) and empty when no file could be read.
    """

    files: list[tuple[Path, DataError | None]]
    images: NDArray[np.float32]


def read_pictures(
    paths: Sequence[Path], channels: int, image_size: ImageSize, batch_size: int
) -> Iterator[Pictures]:
    """Image files in batches, each read when it is asked for, as `read_picture` reads one.

    A file that cannot be read hinders no other. Raises `DataError` for a network that has not 1
    or 3 input channels.
    """
    _check_channels(channels, "predict")
    for start in range(0, len(paths), batch_size):
        files: list[tuple[Path, DataError | None]] = []
        images = [np.empty((0, channels, *_pair(image_size)), np.float32)]
        for path in paths[start : start + batch_size]:
            try:
                images.append(read_picture(path, channels, image_size)[None])
                files.append((path, None))
            except DataError as error:
                files.append((path, error))
        yield Pictures(files, np.concatenate(images))


def find_pictures(paths: Sequence[Path]) -> list[Path]:
    """The files among `paths`, and the image files in the folders among them and below.

    Those of a folder are sorted; names that begin with a dot are left out. Raises `DataError` for
    a folder that holds none.
    """
    found: list[Path] = []
    for path in paths:
        if not path.is_dir():
            found.append(path)
        elif inside := sorted(_inside(path)):
            found += inside
        else:
            raise DataError(f"{path}: a folder must hold image files; got none")
    return found


def _inside(folder: Path) -> Iterator[Path]:
    endings = image_endings()
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            if not name.startswith(".") and Path(name).suffix.lower() in endings:
                yield Path(parent, name)


def _check_channels(channels: int, where: str | Path) -> None:
    if channels not in _MODES:
        raise DataError(
            f"{where}: images are for networks of 1 or 3 input channels; got one of {channels}"
        )


def _pair(size: ImageSize) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else size


def _as_on_imagenet(picture: "Image", size: int, path: str | Path) -> NDArray[np.float32]:
    """The preset `ImageClassification` of torchvision, resized to 256 / 224 of `size` first."""
    from PIL.Image import Resampling

    short = size * 256 // 224
    width, height = (short * side // min(picture.size) for side in picture.size)
    if width * height > MAX_PIXELS:
        raise DataError(
            f"{path}: must have at most {MAX_PIXELS:,} pixels when its short side has {short}; "
            f"got {width:,} x {height:,}"
        )
    resized = picture.resize((width, height), Resampling.BILINEAR)
    left, top = round((width - size) / 2), round((height - size) / 2)
    cropped = resized.crop((left, top, left + size, top + size))
    x = np.asarray(cropped, np.float32).transpose(2, 0, 1) / np.float32(255)
    mean, deviation = (np.array(v, np.float32) for v in (IMAGENET_MEAN, IMAGENET_STD))
    normalised: NDArray[np.float32] = (x - mean[:, None, None]) / deviation[:, None, None]
    return normalised
