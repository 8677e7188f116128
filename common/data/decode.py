"""Image files decoded to pixels of 8 bits, whatever their mode, and turned upright."""

import warnings
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal

import numpy as np

from common.errors import DataError
from common.files import open_regular, reading

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_PIXELS = (1 << 30) // 4 // 3
"""Pixels of an image at the most: where Pillow, too, begins to speak of decompression bombs."""

LONGEST_SIDE = 65_535
"""Pixels of a side at the most, which are JPEG's."""

_UNREAD = ("EPS", "FITS", "WMF")
"""Formats that Pillow hands to other programs or unpacks without a bound."""

_TRANSPARENT = ("LA", "La", "P", "PA", "RGBA", "RGBa")
_NARROW = (*_TRANSPARENT, "1", "L", "RGB", "RGBX", "CMYK", "YCbCr", "HSV", "LAB")
"""Pillow's modes of 8 bits a channel or fewer."""

_STRAIGHT = {"La": "LA", "RGBa": "RGBA"}
"""Modes with alpha multiplied in, and those of the same pixels without."""

_BITS_PER_SAMPLE, _PHOTOMETRIC = 258, 262
_WHITE_IS_ZERO = 0
"""Numbers of a TIFF's tags, and a value of the latter."""


def decode(path: str | Path, mode: Literal["L", "RGB"]) -> "Image":
    """The first frame of an image file as 8-bit grey (`L`) or `RGB`, upright by its EXIF note.

    Grey of 16 bits, and floats from 0 to 1, are scaled to 8 bits; other floats and 32 bits are
    refused, for nothing tells what is white. What is transparent is laid over black. Raises
    `DataError` naming the file, before a pixel is decoded when there are more than `MAX_PIXELS`
    or a side is above `LONGEST_SIDE`.
    """
    from PIL import Image, ImageOps

    with reading(path, "an image that Pillow reads"), warnings.catch_warnings(action="ignore"):
        warnings.simplefilter("error", Image.DecompressionBombWarning)  # of images inside of images
        with open_regular(path) as file, _identified(file, path) as picture:
            width, height = picture.size
            if width * height > MAX_PIXELS or max(width, height) > LONGEST_SIDE:
                raise DataError(
                    f"{path}: must have at most {MAX_PIXELS:,} pixels and sides of "
                    f"{LONGEST_SIDE:,}; got {width:,} x {height:,}"
                )
            ImageOps.exif_transpose(picture, in_place=True)
            seen = _as(_over_black(_narrowed(picture, path)), mode)
            seen.load()
            return seen


def _identified(file: BinaryIO, path: str | Path) -> "Image":
    from PIL import Image, UnidentifiedImageError

    try:
        return Image.open(file, formats=_formats())
    except UnidentifiedImageError as error:  # its message names the handle and not the file
        raise DataError(f"{path}: must be an image that Pillow reads; got another file") from error


def image_endings() -> frozenset[str]:
    """Endings of the names of image files, in lower case, such as .png."""
    from PIL import Image

    formats = frozenset(_formats())
    return frozenset(
        ending for ending, name in Image.registered_extensions().items() if name in formats
    )


@cache
def _formats() -> tuple[str, ...]:
    from PIL import Image

    Image.init()
    return tuple(name for name in Image.ID if name not in _UNREAD)


def _narrowed(picture: "Image", path: str | Path) -> "Image":
    """The picture with 8 bits a channel."""
    from PIL import Image

    if picture.mode in _NARROW:
        return picture.convert("RGB") if picture.mode == "LAB" else picture  # LAB has no way to L
    values = np.asarray(picture).astype(np.float32)
    largest = _largest(picture)
    if largest is None or not (values.min() >= 0 and values.max() <= largest):
        raise DataError(
            f"{path}: must have 8 or 16 bits a channel, or floats from 0 to 1; got Pillow's mode "
            f"{picture.mode} from {values.min():g} to {values.max():g}; convert it to 8 bits first"
        )
    values[values == picture.info.get("transparency", -1)] = 0
    if getattr(picture, "tag_v2", {}).get(_PHOTOMETRIC) == _WHITE_IS_ZERO:
        values = largest - values  # Pillow turns TIFFs of 8 bits alone
    values *= np.float32(255 / largest)
    return Image.fromarray(np.rint(values, out=values).astype(np.uint8))


def _largest(picture: "Image") -> float | None:
    """The value of white in a picture of one channel of more than 8 bits, where it is known."""
    if picture.mode == "F":
        return 1
    # Of these two formats mode I, of 32 bits, holds numbers of 16.
    if picture.mode.startswith("I;16") or picture.format in ("PNG", "PPM"):
        bits = getattr(picture, "tag_v2", {}).get(_BITS_PER_SAMPLE, (16,))  # a TIFF may have 12
        return float(2 ** bits[0] - 1)
    return None


def _over_black(picture: "Image") -> "Image":
    """The picture without transparency: colours times alpha."""
    from PIL import Image

    if picture.mode not in _TRANSPARENT and "transparency" not in picture.info:
        return picture
    straight = _as(picture, _STRAIGHT.get(picture.mode, picture.mode))
    visible = _as(straight, "RGBA")
    black = Image.new("RGB", picture.size)
    black.paste(visible, mask=visible.getchannel("A"))
    return black


def _as(picture: "Image", mode: str) -> "Image":
    """The picture in another mode, and itself where it has it: large ones are not copied."""
    return picture if picture.mode == mode else picture.convert(mode)
