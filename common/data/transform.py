"""Cutting and resizing of pixels, by Pillow, the same for all frameworks.

Pixels stay uint8: what a network is given is computed from them on its device
(`anynet_X.layers.prepare_images`).
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from common.data.augment import Box
from common.data.decode import MAX_PIXELS
from common.data.preprocessing import Preprocessing
from common.data.resize import prepare
from common.errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image as Picture


def cut_and_resize(
    image: NDArray[np.uint8],
    box: Box | None,
    size: tuple[int, int],
    flip: bool = False,
    interpolation: str = "bilinear",
) -> NDArray[np.uint8]:
    """The part `box` of an image (H, W, C), or all of it, as (C, *size), mirrored where `flip`.

    The part is cut out and then resized, as by torchvision: nothing beyond it counts. Beyond the
    image it is 0.
    """
    part = image if box is None else _cut(image, box)
    pixels = part if part.shape[:2] == size else _resized(part, size, interpolation)
    if flip:
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))


def shifted(pixels: NDArray[np.uint8], offset: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Pixels (C, H, W) with `offset` (C,) added to their channels, in units of [0, 1].

    Results are rounded to 8 bits, and those beyond 0 and 255 clipped.
    """
    if not offset.any():
        return pixels
    tables = np.clip(np.rint(np.arange(256) + 255 * offset[:, None]), 0, 255).astype(np.uint8)
    return np.stack([table[channel] for table, channel in zip(tables, pixels, strict=True)])


def resize_short_side(
    image: NDArray[np.uint8], short: int, interpolation: str = "bilinear"
) -> NDArray[np.uint8]:
    """An image (H, W, C) with its shorter side at `short` pixels, its aspect kept.

    The longer side is rounded down, as in torchvision.
    """
    if min(image.shape[:2]) == short:
        return image
    resized = np.asarray(with_short_side(_as_picture(image), short, interpolation))
    pixels: NDArray[np.uint8] = resized.reshape(*resized.shape[:2], -1)
    return pixels


def with_short_side(picture: "Picture", short: int, interpolation: str = "bilinear") -> "Picture":
    """`resize_short_side` of a Pillow image."""
    from PIL import Image

    scaled = [max(1, short * side // min(picture.size)) for side in picture.size]
    return picture.resize((scaled[0], scaled[1]), Image.Resampling[interpolation.upper()])


def centre_box(size: tuple[int, int], crop: tuple[int, int]) -> Box:
    """The part of `crop` (height, width) in the middle of an image of `size`, as torchvision's."""
    top, left = (round((old - new) / 2) for old, new in zip(size, crop, strict=True))
    return Box(left, top, crop[1], crop[0])


def _cut(image: NDArray[np.uint8], box: Box) -> NDArray[np.uint8]:
    """The part `box` of an image (H, W, C), 0 beyond the image."""
    top, left = max(box.top, 0), max(box.left, 0)
    part = image[top : max(0, box.top + box.height), left : max(0, box.left + box.width)]
    if part.shape[:2] == (box.height, box.width):
        return part
    canvas = np.zeros((box.height, box.width, image.shape[2]), np.uint8)
    y, x = top - box.top, left - box.left
    canvas[y : y + part.shape[0], x : x + part.shape[1]] = part
    return canvas


def _resized(
    image: NDArray[np.uint8], size: tuple[int, int], interpolation: str
) -> NDArray[np.uint8]:
    """An image (H, W, C) at `size` (height, width)."""
    from PIL import Image

    resized = _as_picture(image).resize(size[::-1], Image.Resampling[interpolation.upper()])
    pixels: NDArray[np.uint8] = np.asarray(resized)
    return pixels.reshape(*size, -1)


def _as_picture(image: NDArray[np.uint8]) -> "Picture":
    from PIL import Image

    plane: NDArray[Any] = image[..., 0] if image.shape[2] == 1 else image
    return Image.fromarray(np.ascontiguousarray(plane))


def prepared_pixels(
    image: NDArray[np.uint8], preprocessing: Preprocessing, where: str = "image"
) -> NDArray[np.uint8]:
    """An image (H, W, C) resized and cropped as `preprocessing` says, as (C, *size).

    What is left is arithmetic on each pixel: `(x * scale - mean) / std`. Raises `DataError`, whose
    message begins with `where`, for an elongated image that would become too large.
    """
    size, to = preprocessing.size, preprocessing.resize_to
    interpolation = preprocessing.interpolation
    if not preprocessing.antialias and image.shape[:2] != size:
        stretched = prepare(image.transpose(2, 0, 1)[None], size)[0]
        pixels: NDArray[np.uint8] = np.rint(255 * stretched).astype(np.uint8)
        return pixels
    if to is None:
        return cut_and_resize(image, None, size, interpolation=interpolation)
    if preprocessing.resize == "stretch":
        resized = _resized(image, (to, to), interpolation)
    else:
        _check_longer_side(image.shape[:2], to, where)
        resized = resize_short_side(image, to, interpolation)
    return cut_and_resize(resized, centre_box(resized.shape[:2], size), size)


def _check_longer_side(size: tuple[int, ...], short: int, where: str) -> None:
    """Raise `DataError` if an image of `size` is too large with its shorter side at `short`."""
    height, width = (short * side // min(size) for side in size)
    if height * width > MAX_PIXELS:
        raise DataError(
            f"{where}: must have at most {MAX_PIXELS:,} pixels when its short side has {short}; "
            f"got {width:,} x {height:,}"
        )


def network_input(
    image: NDArray[np.uint8], preprocessing: Preprocessing, where: str = "image"
) -> NDArray[np.float32]:
    """An image (H, W, C) as a network sees it: float32 (C, *size), `(x * scale - mean) / std`.

    Without antialiasing it is resized after it is scaled, as a training step does on its device.
    Raises `DataError` as `prepared_pixels` does.
    """
    if preprocessing.antialias:
        x = prepared_pixels(image, preprocessing, where).astype(np.float32) / np.float32(255)
    else:
        x = prepare(image.transpose(2, 0, 1)[None], preprocessing.size)[0]
    return normalised(x, preprocessing)


def normalised(x: NDArray[np.float32], preprocessing: Preprocessing) -> NDArray[np.float32]:
    """Pixels (..., C, H, W) from 0 to 1 as a network sees them; itself where that is the same."""
    if preprocessing.is_plain:
        return x
    scale = np.float32(255 * preprocessing.scale)
    mean, std = (
        np.array(values, np.float32)[:, None, None]
        for values in (preprocessing.mean, preprocessing.std)
    )
    result: NDArray[np.float32] = (x * scale - mean) / std
    return result


def check_resized(size: tuple[int, ...], preprocessing: Preprocessing) -> None:
    """Raise `DataError` for images of a `size` (height, width) that a device cannot resize.

    On a device they are stretched without smoothing; whatever else `preprocessing` asks for is
    done before, by `prepared_pixels`.
    """
    if tuple(size) != preprocessing.size and (preprocessing.antialias or preprocessing.resize_to):
        height, width = preprocessing.size
        raise DataError(
            f"images: must be of {height}x{width} pixels, resized as the network's preprocessing "
            f"says; got {size[0]}x{size[1]}; common.data.prepared_pixels does it"
        )
