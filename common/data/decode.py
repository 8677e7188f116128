"""Decoding of image files of any mode to upright 8-bit pixels."""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal

import numpy as np

from common.errors import DataError
from common.files import open_regular, reading

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_PIXELS = (1 << 30) // 4 // 3
"""Most pixels of an image: Pillow warns of decompression bombs above the same number."""

LONGEST_SIDE = 65_535
"""Most pixels of one side: the limit of JPEG."""

_ENDS = {"JPEG": b"\xff\xd9", "PNG": b"IEND\xaeB`\x82", "GIF": b";"}
"""Last bytes of files by their format."""

_UNREAD = ("EPS", "FITS", "WMF")
"""Formats that Pillow passes to external programs or decompresses without a limit."""

_TRANSPARENT = ("LA", "La", "P", "PA", "RGBA", "RGBa")
_NARROW = (*_TRANSPARENT, "1", "L", "RGB", "RGBX", "CMYK", "YCbCr", "HSV", "LAB")
"""Pillow's modes with at most 8 bits per channel."""

_STRAIGHT = {"La": "LA", "RGBa": "RGBA"}
"""Modes with premultiplied alpha, and their counterparts with straight alpha."""

_BITS_PER_SAMPLE, _PHOTOMETRIC = 258, 262
_WHITE_IS_ZERO = 0
"""TIFF tags, and the value of the second one for inverted grey."""


def decode(path: str | Path, mode: Literal["L", "RGB"]) -> "Image":
    """The first frame of an image file as 8-bit grey (`L`) or `RGB`, rotated as its EXIF tag says.

    16-bit grey and floats from 0 to 1 are scaled to 8 bits. Other floats and 32-bit integers are
    refused, since their white level is unknown. Transparent pixels are composited onto black.
    Raises `DataError` naming the file. Images with more than `MAX_PIXELS`, or a side longer than
    `LONGEST_SIDE`, are refused before any pixel is decoded.
    """
    from PIL import ImageOps

    with _opened(path) as (picture, _):
        ImageOps.exif_transpose(picture, in_place=True)
        seen = _as(_over_black(_narrowed(picture, path)), mode)
        seen.load()
        return seen


def check_ends(path: str | Path) -> None:
    """Raise `DataError` unless an image file begins and ends as its format does.

    Nothing is decoded, unless something follows the image's end or the end is missing: then all is.
    Damage in the middle of a file is not noticed.
    """
    with _opened(path) as (picture, file):
        if not _is_whole(file, picture.format or ""):
            picture.load()


@contextmanager
def _opened(path: str | Path) -> Iterator[tuple["Image", BinaryIO]]:
    """An image file whose header was read, and whose size is not too large."""
    from PIL import Image

    with reading(path, "an image that Pillow reads"), warnings.catch_warnings(action="ignore"):
        warnings.simplefilter("error", Image.DecompressionBombWarning)  # of nested images
        with open_regular(path) as file, _identified(file, path) as picture:
            width, height = picture.size
            if width * height > MAX_PIXELS or max(width, height) > LONGEST_SIDE:
                raise DataError(
                    f"{path}: must have at most {MAX_PIXELS:,} pixels and sides of "
                    f"{LONGEST_SIDE:,}; got {width:,} x {height:,}"
                )
            yield picture, file


def _is_whole(file: BinaryIO, kind: str) -> bool:
    """Whether a file ends as images of its format do; true for formats without such an end."""
    if kind == "WEBP":
        file.seek(4)
        length = int.from_bytes(file.read(4), "little")
        return file.seek(0, os.SEEK_END) == length + length % 2 + 8
    end = _ENDS.get(kind, b"")
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - len(end)))
    return file.read() == end


def _identified(file: BinaryIO, path: str | Path) -> "Image":
    from PIL import Image, UnidentifiedImageError

    try:
        return Image.open(file, formats=_formats())
    except UnidentifiedImageError as error:  # whose message names the file handle, not the path
        raise DataError(f"{path}: must be an image that Pillow reads; got another file") from error


def image_endings() -> frozenset[str]:
    """Lower-case file name extensions of images, such as .png."""
    from PIL import Image

    formats = frozenset(_formats())
    return frozenset(
        ending for ending, name in Image.registered_extensions().items() if name in formats
    )


def images_below(folder: Path) -> Iterator[Path]:
    """Paths of the files in and below a folder whose extension is that of an image."""
    endings = image_endings()
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            if not name.startswith(".") and Path(name).suffix.lower() in endings:
                yield Path(parent, name)


@cache
def _formats() -> tuple[str, ...]:
    from PIL import Image

    Image.init()
    return tuple(name for name in Image.ID if name not in _UNREAD)


def _narrowed(picture: "Image", path: str | Path) -> "Image":
    """The image with 8 bits per channel."""
    from PIL import Image

    if picture.mode in _NARROW:
        # Pillow cannot convert LAB to L.
        return picture.convert("RGB") if picture.mode == "LAB" else picture
    values = np.asarray(picture).astype(np.float32)
    largest = _largest(picture)
    if largest is None or not (values.min() >= 0 and values.max() <= largest):
        raise DataError(
            f"{path}: must have 8 or 16 bits a channel, or floats from 0 to 1; got Pillow's mode "
            f"{picture.mode} from {values.min():g} to {values.max():g}; convert it to 8 bits first"
        )
    values[values == picture.info.get("transparency", -1)] = 0
    if getattr(picture, "tag_v2", {}).get(_PHOTOMETRIC) == _WHITE_IS_ZERO:
        values = largest - values  # Pillow inverts 8-bit TIFFs only
    values *= np.float32(255 / largest)
    return Image.fromarray(np.rint(values, out=values).astype(np.uint8))


def _largest(picture: "Image") -> float | None:
    """The white level of a one-channel image with more than 8 bits, or `None` if unknown."""
    if picture.mode == "F":
        return 1
    # PNG and PPM have 16-bit values even in mode I, which is 32-bit. A TIFF may have 12 bits.
    if picture.mode.startswith("I;16") or picture.format in ("PNG", "PPM"):
        bits = getattr(picture, "tag_v2", {}).get(_BITS_PER_SAMPLE, (16,))
        return float(2 ** bits[0] - 1)
    return None


def _over_black(picture: "Image") -> "Image":
    """The image composited onto black, if it has transparency."""
    from PIL import Image

    if picture.mode not in _TRANSPARENT and "transparency" not in picture.info:
        return picture
    straight = _as(picture, _STRAIGHT.get(picture.mode, picture.mode))
    visible = _as(straight, "RGBA")
    black = Image.new("RGB", picture.size)
    black.paste(visible, mask=visible.getchannel("A"))
    return black


def _as(picture: "Image", mode: str) -> "Image":
    """The image converted to `mode`; not copied if it has that mode already."""
    return picture if picture.mode == mode else picture.convert(mode)
