"""Images in memory, from arrays and `.npz` files."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import xxhash
from numpy.typing import NDArray

from common.arrays import as_array, as_pixels
from common.data.sources.protocol import check_classes, check_image, numbered
from common.errors import DataError, shortened
from common.npz import read_npz

_PIECE = 1024
"""Images to copy at once."""


class ArraySource:
    """Images and labels in memory. Raises `DataError`.

    - `images`: integers from 0 to 255, (N, C, H, W), or (N, H, W) for one channel; converted to
      uint8.
    - `labels`: integers (N,).
    - `classes`: class names in the order of the labels, which are the names by default.
    - `where`: begins error messages.
    """

    def __init__(
        self,
        images: object,
        labels: object,
        classes: Sequence[str] | None = None,
        where: str = "arrays",
    ) -> None:
        pixels = as_array(images, f"{where}: images", DataError)
        if pixels.ndim == 3:
            pixels = pixels[:, None]
        try:
            self._pixels = as_pixels(pixels)
        except DataError as error:
            raise DataError(f"{where}: {error}") from error
        self.channels = self._pixels.shape[1]
        self.labels = labels_of(labels, len(self._pixels), where)
        count = int(self.labels.max(initial=0)) + 1
        self.classes = numbered(count) if classes is None else check_classes(classes, where)
        self._where = where

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """All images, uint8 (N, C, H, W)."""
        return self._pixels

    def part(self, indices: NDArray[np.int64]) -> "ArraySource":
        """The images at `indices`, with the same classes."""
        return ArraySource(self._pixels[indices], self.labels[indices], self.classes, self._where)

    def __len__(self) -> int:
        return len(self._pixels)

    def read(self, index: int) -> NDArray[np.uint8]:
        """Pixels uint8 (height, width, channels) of image `index`."""
        image: NDArray[np.uint8] = self._pixels[index].transpose(1, 2, 0)
        return check_image(image, self.channels, self.name(index))

    def name(self, index: int) -> str:
        """What messages call image `index`."""
        return f"{self._where}: image {index}"

    def fingerprint(self) -> str:
        """Digest of all pixels."""
        digest = xxhash.xxh3_128(str(self._pixels.shape).encode())
        for start in range(0, len(self), _PIECE):
            digest.update(np.ascontiguousarray(self._pixels[start : start + _PIECE]).data)
        return digest.hexdigest()

    def describe(self) -> str:
        """Number of images and classes, for messages and the record."""
        return f"{len(self):,} images of {len(self.classes):,} classes in {self._where}"


def labels_of(labels: object, images: int, where: str) -> NDArray[np.int32]:
    """Labels as int32 (images,). Raises `DataError` unless they are integers, one per image."""
    found = as_array(labels, f"{where}: labels", DataError)
    if found.ndim == 2 and found.shape[1] == 1:
        found = found[:, 0]
    if found.shape != (images,) or found.dtype.kind not in "iu":
        raise DataError(
            f"{where}: labels must be integers, one for each of the {images:,} images; got "
            f"{found.dtype} of shape {shortened(found.shape)}"
        )
    if found.size and not (found.min() >= 0 and found.max() < 2**20):
        raise DataError(
            f"{where}: labels must count classes from 0; got {found.min()} to {found.max()}; "
            "number them 0, 1, 2 and so on"
        )
    return found.astype(np.int32)


def read_labelled_npz(path: str | Path) -> dict[str, ArraySource]:
    """Read the parts of a `.npz` file, keyed by their names.

    Arrays are `images` and `labels`, whose part is named by the empty string, or `train_images`,
    `train_labels`, and the same for `val` and `test`. An array `classes` holds class names. Raises
    `DataError` naming the file.
    """
    arrays = read_npz(path, DataError)
    names = arrays["classes"].read() if "classes" in arrays else None
    classes = None if names is None else [str(name) for name in names]
    found = {}
    for part, prefix in (("", ""), ("train", "train_"), ("val", "val_"), ("test", "test_")):
        images, labels = (f"{prefix}{what}" for what in ("images", "labels"))
        if images in arrays and labels in arrays:
            where = f"{path}{': ' * bool(part)}{part}"
            found[part] = ArraySource(arrays[images].read(), arrays[labels].read(), classes, where)
    if not found:
        raise DataError(
            f"{path}: must hold arrays images and labels, or train_images, train_labels, "
            f"val_images and val_labels; got {shortened(sorted(arrays))}"
        )
    return found
