"""Other libraries' data sets: anything indexable that gives images with labels."""

from collections.abc import Mapping, Sequence, Sized
from copy import copy
from operator import index as as_integer
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.arrays import as_array
from common.data.sources.arrays import labels_of
from common.data.sources.protocol import check_classes, check_image, numbered
from common.errors import DataError, shortened, told

_IMAGE_KEYS = ("image", "img", "pixel_values", "images")
_LABEL_KEYS = ("label", "labels", "fine_label", "target")
"""Keys of images and labels in data sets whose items are dictionaries."""


class IndexableSource:
    """Images of an object with `__len__` and `__getitem__`, such as a PyTorch `Dataset`.

    Items are pairs of an image and a label, or dictionaries as in Hugging Face's `datasets`. Images
    are Pillow's, or pixels (H, W), (H, W, C) or (C, H, W) from 0 to 255. The constructor reads all
    labels. Raises `DataError`.

    - `items`: the data set.
    - `classes`: class names; by default those of the data set, if it has any.
    - `channels`: 1 converts images to grey, 3 to RGB.

    `is_named` says whether the class names are more than numbers.
    """

    def __init__(self, items: Any, classes: Sequence[str] | None = None, channels: int = 3) -> None:
        kind = type(items).__name__
        self._where = kind
        if not (hasattr(items, "__len__") and hasattr(items, "__getitem__")):
            raise DataError(
                f"data: must have a length and an image with a label for each index; got {kind}; "
                "of a loader of batches, give the data set that it reads"
            )
        if not len(items):
            raise DataError(f"{kind}: must hold images; got none")
        self._items, self.channels = items, channels
        self._rows = np.arange(len(items))
        self.labels = labels_of(_all_labels(items, kind), len(items), kind)
        named = classes if classes is not None else _named_classes(items)
        count = int(self.labels.max()) + 1
        self.is_named = named is not None
        self.classes = numbered(count) if named is None else check_classes(named, kind)

    def part(self, indices: NDArray[np.int64]) -> "IndexableSource":
        """The images at `indices`, with the same classes; nothing is read."""
        part = copy(self)
        part._rows, part.labels = self._rows[indices], self.labels[indices]
        return part

    def __len__(self) -> int:
        return len(self._rows)

    def read(self, index: int) -> NDArray[np.uint8]:
        """Pixels uint8 (height, width, channels) of item `index`. Raises `DataError` naming it."""
        image, _ = _item(self._items, int(self._rows[index]), self._where)
        return _pixels(image, self.channels, self.name(index))

    def name(self, index: int) -> str:
        """What messages call item `index`."""
        return f"{self._where}[{self._rows[index]}]"

    def describe(self) -> str:
        """Number of images and classes, for messages and the record."""
        return f"{len(self):,} images of {len(self.classes):,} classes in a {self._where}"


def _all_labels(items: Any, where: str) -> Any:
    """All labels, without decoding images if the data set stores labels separately."""
    columns = getattr(items, "column_names", None)
    if isinstance(columns, list):
        for key in _LABEL_KEYS:
            if key in columns:
                return np.asarray(items[key])
    targets = getattr(items, "targets", None)
    if isinstance(targets, Sized) and len(targets) == len(items):
        return targets
    return np.array([_label(items, index, where) for index in range(len(items))])


def _label(items: Any, index: int, where: str) -> int:
    _, label = _item(items, index, where)
    try:
        return as_integer(label)
    except TypeError as error:
        raise DataError(
            f"{where}[{index}]: label must be an integer; got {shortened(label)}"
        ) from error


def _item(items: Any, index: int, where: str) -> tuple[Any, Any]:
    """Image and label of an item. Raises `DataError` naming it, whatever the data set raises."""
    try:
        item = items[index]
    except Exception as error:
        raise DataError(f"{where}[{index}]: must be readable; got {told(error)}") from error
    return _pair(item, f"{where}[{index}]")


def _named_classes(items: Any) -> Sequence[str] | None:
    features = getattr(items, "features", None)
    if isinstance(features, Mapping):
        for key in _LABEL_KEYS:
            if names := getattr(features.get(key), "names", None):
                return list(names)
    names = getattr(items, "classes", None)
    return list(names) if isinstance(names, list | tuple) and names else None


def _pair(item: Any, where: str) -> tuple[Any, Any]:
    if isinstance(item, Mapping):
        image, label = (
            next((item[key] for key in keys if key in item), None)
            for keys in (_IMAGE_KEYS, _LABEL_KEYS)
        )
        if image is not None and label is not None:
            return image, label
        raise DataError(
            f"{where}: must have an image and a label under names such as image and label; got "
            f"{shortened(sorted(map(str, item)))}"
        )
    if isinstance(item, tuple | list) and len(item) == 2:
        return item[0], item[1]
    raise DataError(f"{where}: must be an image with a label; got {type(item).__name__}")


def _pixels(image: Any, channels: int, where: str) -> NDArray[np.uint8]:
    if hasattr(image, "convert"):  # a Pillow image
        image = image.convert("L" if channels == 1 else "RGB")
    array = as_array(image, where, DataError)
    if array.ndim == 2:
        array = array[..., None]
    elif array.ndim == 3 and array.shape[0] == channels != array.shape[2]:
        array = array.transpose(1, 2, 0)
    if array.dtype.kind not in "iu" or (
        array.dtype != np.uint8 and array.size and not 0 <= array.min() <= array.max() <= 255
    ):
        raise DataError(
            f"{where}: must be pixels, integers from 0 to 255; got {array.dtype}; leave out the "
            "data set's own transforms, for preparing images is done here"
        )
    if channels == 3 and array.ndim == 3 and array.shape[2] == 1:
        array = np.repeat(array, 3, axis=2)
    return check_image(array.astype(np.uint8, copy=False), channels, where)
