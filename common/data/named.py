"""Data sets by the names that `--data` and a run's config use."""

import os
from pathlib import Path
from typing import Literal, NamedTuple

from common.arch import DEFAULT_IMAGE_SIZE, IMAGENET_IMAGE_SIZE
from common.bounds import MAX_BATCH
from common.data.augment import PLAIN
from common.data.decode import image_endings
from common.data.fashion_mnist import CLASSES, FashionMNIST
from common.data.fashion_mnist_files import absolute_source, holds_fashion_mnist
from common.data.image_data import ImageData
from common.data.open import SETS, open_split, set_of
from common.data.options import USUAL, DataOptions
from common.data.preprocessing import Preprocessing
from common.data.presets import on_imagenet, stretched
from common.data.ready import CIFAR10, CIFAR100
from common.data.source_data import SourceData
from common.data.sources import ArraySource, Split
from common.data.sources.folder import check_files
from common.data.sources.idx_folder import holds_idx
from common.errors import DataError, shortened

Kind = Literal["fashion_mnist", "cifar", "idx", "arrays", "folder"]

_CIFARS = {"cifar10": CIFAR10, "cifar100": CIFAR100}


class DataInfo(NamedTuple):
    """Channels, class names and usual image size of a data set, known before it is trained on."""

    channels: int
    classes: tuple[str, ...]
    size: tuple[int, int] = (DEFAULT_IMAGE_SIZE, DEFAULT_IMAGE_SIZE)


def find_data(name: str, options: DataOptions = USUAL, channels: int = 3) -> DataInfo:
    """Channels, class names and usual image size of the data set `name`.

    Fashion-MNIST may still have to be downloaded; images of a folder are not decoded. `channels`
    are those in which image files are read. Raises `DataError`.
    """
    if _kind(name) == "fashion_mnist":
        return DataInfo(1, CLASSES)
    split = open_split(name, channels, options.val_share, options.split_seed)
    return DataInfo(split.train.channels, split.train.classes, _usual_size(name, split))


def largest_batch(name: str, options: DataOptions = USUAL, channels: int = 3) -> int:
    """The number of training images of the data set `name`, or what is allowed of any.

    Fashion-MNIST, which may still have to be downloaded, has thousands. Raises `DataError`.
    """
    if _kind(name) == "fashion_mnist":
        return MAX_BATCH
    return len(open_split(name, channels, options.val_share, options.split_seed).train)


def open_data(
    name: str,
    batch_size: int,
    size: tuple[int, int],
    options: DataOptions = USUAL,
    channels: int = 3,
    workers: int | None = None,
) -> ImageData:
    """Open the data set `name`.

    Raises `DataError` if it is missing or corrupt, and `ConfigError` for a batch size or an image
    size out of range.

    - `name`: `auto`, `full`, `sample` or a directory of Fashion-MNIST, as in `find_fashion_mnist`;
      `cifar10`, `cifar100`, a `.npz` file, or a folder of images or shards, as in `open_split`.
    - `batch_size`: images per training batch.
    - `size`: (height, width) of the network's input in pixels, unless `options` say it.
    - `options`: how the images are split, prepared and augmented.
    - `channels`: 1 or 3, in which image files are read, unless `options` say it.
    - `workers`: threads that prepare images ahead of their use; by default one per core.
    """
    kind, seen = _kind(name), options.preprocessing
    if kind == "fashion_mnist":
        data = FashionMNIST(batch_size, size, name)
        if options.augmentation == PLAIN and seen in (None, data.preprocessing):
            return data
        split = Split(*(ArraySource(part.images, part.labels, CLASSES, name)
                        for part in (data.train, data.val)))  # fmt: skip
    else:
        channels = seen.channels if seen else channels
        split = open_split(name, channels, options.val_share, options.split_seed)
        check_files(split)
    found = SourceData(
        split,
        batch_size,
        seen or _usual(name, size, split.train.channels),
        options.augmentation,
        workers,
        absolute_name(name),
    )
    found.options = DataOptions(
        found.preprocessing, options.augmentation, options.val_share, options.split_seed
    )
    return found


def absolute_name(name: str | Path) -> str:
    """`name` with a path made absolute, so that it is valid in any working directory."""
    return str(name) if str(name) in SETS else absolute_source(name)


def _kind(name: str) -> Kind:
    if set_of(name):
        return "cifar"
    if name.endswith(".npz") and not os.path.isdir(name):
        return "arrays"
    _check_place(name)
    if not os.path.isdir(name) or holds_fashion_mnist(Path(name)):
        return "fashion_mnist"
    if holds_idx(name):
        return "idx"
    return "folder" if _has_folders_or_files(name) else "fashion_mnist"


def _check_place(name: str) -> None:
    """Raise `DataError` for a file, which no data set is, and for an empty folder."""
    if not os.path.isabs(absolute_source(name)):
        return  # one of the words, whatever else is called so
    if not os.path.exists(name) or (os.path.isdir(name) and os.listdir(name)):
        return
    found = "is empty" if os.path.isdir(name) else "is a file"
    raise DataError(
        "data: must be a folder with a folder of images for each class, or with the files of a "
        f"data set, or a .npz file; got {shortened(name)}, which {found}"
    )


def _has_folders_or_files(name: str) -> bool:
    """Whether a folder may hold images or shards; any other is asked for Fashion-MNIST."""
    endings = image_endings()
    with os.scandir(name) as entries:
        return any(
            entry.is_dir()
            or entry.name == "index.json"
            or Path(entry.name).suffix.lower() in endings
            for entry in entries
        )


def _usual(name: str, size: tuple[int, int], channels: int) -> Preprocessing:
    """How a data set is prepared unless its options say it."""
    if known := set_of(name):
        which = _CIFARS[known]
        return stretched(size, 3, which.mean, which.std)
    if _kind(name) in ("arrays", "idx", "fashion_mnist"):
        return stretched(size, channels)
    return on_imagenet(size, channels)


def _usual_size(name: str, split: Split) -> tuple[int, int]:
    if _kind(name) == "folder":
        return (IMAGENET_IMAGE_SIZE, IMAGENET_IMAGE_SIZE)
    height, width = split.train.read(0).shape[:2]
    return height, width
