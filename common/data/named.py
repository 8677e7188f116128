"""Data sets by the names that `--data` and a run's config use."""

from pathlib import Path
from typing import NamedTuple

from common.data.fashion_mnist import CLASSES, FashionMNIST, absolute_source
from common.data.image_data import ImageData


class DataInfo(NamedTuple):
    """Channels and class names of a data set, known before its images are read."""

    channels: int
    classes: tuple[str, ...]


def find_data(name: str) -> DataInfo:
    """Channels and class names of the data set `name`, which may still have to be downloaded."""
    return DataInfo(1, CLASSES)


def open_data(name: str, batch_size: int, size: tuple[int, int]) -> ImageData:
    """Open the data set `name`.

    Raises `DataError` if it is missing or corrupt, and `ConfigError` for a batch size or an image
    size out of range.

    - `name`: `auto`, `full`, `sample` or a directory, as in `find_fashion_mnist`.
    - `batch_size`: images per training batch.
    - `size`: (height, width) of the network's input in pixels.
    """
    return FashionMNIST(batch_size, size, name)


def absolute_name(name: str | Path) -> str:
    """`name` with a path made absolute, so that it is valid in any working directory."""
    return absolute_source(name)
