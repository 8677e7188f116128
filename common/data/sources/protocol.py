"""The protocol of sources of labelled images, and its checks."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import xxhash
from numpy.typing import NDArray

from common.bounds import MAX_CHANNELS
from common.errors import DataError, shortened

MAX_IMAGES = 2**31 - 1
"""Largest number of images of a source."""


@runtime_checkable
class Source(Protocol):
    """Labelled images of any size, read one at a time.

    - `classes`: class names of the labels 0, 1, ...
    - `labels`: int32 (N,).
    - `channels`: of all images.
    """

    classes: tuple[str, ...]
    labels: NDArray[np.int32]
    channels: int

    def __len__(self) -> int:
        """Number of images."""

    def read(self, index: int) -> NDArray[np.uint8]:
        """Pixels uint8 (height, width, channels) of image `index`. Raises `DataError` naming it."""

    def name(self, index: int) -> str:
        """What messages call image `index`, such as its path."""

    def describe(self) -> str:
        """Number and origin of the images, for messages and the record."""


def check_source(source: Source, where: str) -> None:
    """Raise `DataError` unless `source` has images, and a class for each label."""
    count, classes = len(source), len(source.classes)
    if not 1 <= count <= MAX_IMAGES:
        raise DataError(f"{where}: must hold from 1 to {MAX_IMAGES:,} images; got {count:,}")
    if not 1 <= classes <= MAX_CHANNELS:
        raise DataError(f"{where}: must have from 1 to {MAX_CHANNELS:,} classes; got {classes:,}")
    if source.labels.shape != (count,):
        raise DataError(
            f"{where}: must have one label for each of its {count:,} images; got labels of shape "
            f"{shortened(source.labels.shape)}"
        )
    lowest, highest = int(source.labels.min()), int(source.labels.max())
    if lowest < 0 or highest >= classes:
        raise DataError(
            f"{where}: labels must be from 0 to {classes - 1}, as many as class names; "
            f"got {lowest} to {highest}"
        )


def fingerprint(source: Source) -> str:
    """Digest that tells whether a source has the same images as before, as far as that is cheap.

    Of a source without a method `fingerprint` only the labels are known.
    """
    of_images = getattr(source, "fingerprint", None)
    labels = np.ascontiguousarray(source.labels)
    digest = xxhash.xxh3_128(labels.data)
    digest.update(b"" if of_images is None else of_images().encode())
    return digest.hexdigest()


def check_image(image: NDArray[np.uint8], channels: int, name: str) -> NDArray[np.uint8]:
    """Return `image`. Raises `DataError` unless its shape is (height, width, `channels`)."""
    if image.ndim != 3 or image.shape[2] != channels:
        raise DataError(
            f"{name}: must be an image of {channels} channel{'s' * (channels > 1)}, (height, "
            f"width, {channels}); got shape {shortened(image.shape)}"
        )
    if not image.size:
        raise DataError(f"{name}: must have at least one pixel; got {shortened(image.shape)}")
    return image


def numbered(count: int) -> tuple[str, ...]:
    """Class names "0", "1", ... for labels without names."""
    return tuple(map(str, range(count)))


def check_classes(classes: Sequence[str], where: str) -> tuple[str, ...]:
    """Class names as a tuple. Raises `DataError` unless they are different strings."""
    names = tuple(classes)
    if not all(isinstance(name, str) for name in names) or isinstance(classes, str):
        raise DataError(f"{where}: class names must be texts; got {shortened(classes)}")
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise DataError(f"{where}: class names must differ; got {shortened(twice)} twice")
    return names
