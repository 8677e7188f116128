"""Data sets by the name that `--data` and a run's config give them."""

from pathlib import Path
from typing import NamedTuple

from common.data.fashion_mnist import CLASSES, FashionMNIST, absolute_source
from common.data.image_data import ImageData


class DataInfo(NamedTuple):
    """What a network must accept to be trained on a data set: known before images are read."""

    channels: int
    classes: tuple[str, ...]


def find_data(name: str) -> DataInfo:
    """Channels and class names of the data set `name`, which need not be there yet."""
    return DataInfo(1, CLASSES)


def open_data(name: str, batch_size: int, size: tuple[int, int]) -> ImageData:
    """The data set `name` in batches of `batch_size`, resized to `size` (height, width) in pixels.

    `name` is `auto`, `full`, `sample` or a directory of Fashion-MNIST's files. Raises `DataError`
    for data that is missing or broken, `ConfigError` for a batch size or an image size that does
    not fit.
    """
    return FashionMNIST(batch_size, size, name)


def absolute_name(name: str | Path) -> str:
    """`name` so that it means the same data in every working directory: paths become absolute."""
    return absolute_source(name)
