"""A folder of colour photos, made of the shipped sample: what people bring to be trained on."""

from pathlib import Path

import numpy as np
from PIL import Image

from common.data import FashionMNIST

_GARMENTS = {"bag": 8, "trouser": 1}
_COLOURS = {"blue": (60, 90, 255), "grey": (210, 210, 210), "red": (255, 80, 60)}

CLASSES = tuple(sorted(f"{colour} {garment}" for garment in _GARMENTS for colour in _COLOURS))
"""A class is a garment in a colour: neither shape nor colour alone tells it."""

_ORIENTATION = 0x0112
_TURNED = 6
"""EXIF's tag, and its value for a photo that viewers turn clockwise by a quarter."""


def make_photos(root: Path, per_class: int = 100) -> Path:
    """JPEGs of different sizes in a folder for each class; returns the folder.

    Of five, one is CMYK, one turned by its EXIF tag, one progressive, and one plain; the fifth is
    grey where the colour is, and has a tag that turns it by a half elsewhere.
    """
    sample = FashionMNIST(source="sample").train
    for name in CLASSES:
        colour, garment = name.split()
        (root / name).mkdir(parents=True)
        stream = np.random.default_rng(CLASSES.index(name))
        own = np.flatnonzero(sample.labels == _GARMENTS[garment])
        # Another third of the garments for each colour.
        own = own[list(_COLOURS).index(colour) :: len(_COLOURS)]
        for number in range(per_class):
            shape = sample.images[own[number]].reshape(28, 28)
            picture = _painted(shape, _COLOURS[colour], stream)
            _save(picture, root / name / f"{number:03}.jpg", number % 5)
    return root


def _painted(shape: np.ndarray, colour: tuple[int, int, int], stream) -> Image.Image:
    """The garment in a colour, enlarged, with a margin of its own on each side."""
    pixels = shape[..., None] / 255 * np.array(colour)
    margins = [tuple(stream.integers(0, 8, 2)) for _ in range(2)]
    padded = np.pad(pixels, [*margins, (0, 0)])
    noisy = (padded + stream.normal(0, 6, padded.shape)).clip(0, 255).astype(np.uint8)
    if colour[0] == colour[2]:
        noisy[...] = noisy[..., :1]
    picture = Image.fromarray(noisy)
    scale = stream.uniform(1.2, 2.5)
    return picture.resize([round(scale * side) for side in picture.size])


def _save(picture: Image.Image, path: Path, kind: int) -> None:
    exif = Image.Exif()
    if kind == 1:
        picture = picture.convert("CMYK")
    elif kind == 2:
        picture, exif[_ORIENTATION] = picture.transpose(Image.Transpose.ROTATE_90), _TURNED
    elif kind == 4 and path.parent.name.startswith("grey"):
        picture = picture.convert("L")
    elif kind == 4:
        picture, exif[_ORIENTATION] = picture.transpose(Image.Transpose.ROTATE_180), 3
    picture.save(path, exif=exif, progressive=kind == 3, quality=90)
