"""Folders of idx files: MNIST and its relatives (KMNIST, QMNIST, the sets of EMNIST)."""

import re
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from common.data.idx import read_idx
from common.data.sources.arrays import ArraySource
from common.data.sources.split import Split, check_split
from common.errors import DataError, shown

_IMAGES: Final = re.compile(
    r"(?P<set>.*?)-?(?P<part>train|t10k|test|val)-images[-.]idx3-ubyte(\.gz)?"
)
"""Names of files of images: of MNIST, `train-images-idx3-ubyte.gz`; of EMNIST with a prefix."""

_LAYOUTS: Final = ("", "raw", "MNIST/raw", "FashionMNIST/raw")
"""Subfolders in which files are looked for; the last ones are those of torchvision."""


_TEST: Final = ("t10k", "test", "val")
"""Names of the part that is validated on."""


def holds_idx(folder: str | Path) -> bool:
    """Whether a folder, or one in it that torchvision makes, has images in idx files."""
    return _files_in(Path(folder)) is not None


def read_idx_folder(folder: str | Path) -> Split:
    """Read the grey images of a folder with idx files of a training and a test part.

    Classes are the labels of training images in ascending order, and their names are these numbers:
    idx files hold no names. Files may be gzipped. Raises `DataError`.
    """
    root = Path(folder)
    found = _files_in(root)
    if found is None:
        raise DataError(f"{root}: must be a folder with idx files of images; got none")
    train, test = (_read(_one_of(root, found, names)) for names in (("train",), _TEST))
    values = np.unique(train[1])
    classes = [str(value) for value in values]
    parts = []
    for path, (images, labels) in zip(("train", "test"), (train, test), strict=True):
        where = f"{root}: {path}"
        if extra := sorted(set(labels.tolist()) - set(values.tolist())):
            raise DataError(
                f"{where}: labels must be among those of training images, {shown(classes)}; got "
                f"{shown(extra)}"
            )
        parts.append(ArraySource(images, np.searchsorted(values, labels), classes, where))
    split = Split(*parts)
    check_split(split, str(root))
    return split


def _files_in(root: Path) -> dict[str, list[Path]] | None:
    """Files of images by the part of the data set that they are."""
    for layout in _LAYOUTS:
        found: dict[str, list[Path]] = {}
        for path in sorted((root / layout).glob("*-images*")):
            if named := _IMAGES.fullmatch(path.name):
                found.setdefault(named["part"], []).append(path)
        if found:
            return found
    return None


def _one_of(root: Path, found: dict[str, list[Path]], parts: tuple[str, ...]) -> Path:
    """The file of images of a part, of which there must be one, gzipped or not."""
    files = {path.name.removesuffix(".gz"): path for part in parts for path in found.get(part, ())}
    if len(files) != 1:
        raise DataError(
            f"{root}: must hold one file of {' or '.join(parts)} images, such as "
            f"{parts[0]}-images-idx3-ubyte.gz; got {shown(sorted(files)) if files else 'none'}; "
            "put the files of one data set into a folder of their own"
        )
    return next(iter(files.values()))


def _read(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Images (N, H, W) and labels (N,) of a part, from the file of its images."""
    name = path.name.replace("-images", "-labels").replace("idx3", "idx1").removesuffix(".gz")
    both = [there for there in (path.with_name(name), path.with_name(f"{name}.gz"))
            if there.is_file()]  # fmt: skip
    if not both:
        raise DataError(f"{path}: must have its labels beside it; got no {name}, gzipped or not")
    images, labels = read_idx(path), read_idx(both[0])
    if images.ndim != 3 or labels.shape != images.shape[:1] or not images.size:
        raise DataError(
            f"{path}: must hold non-empty images, as many as there are labels; "
            f"got shapes {images.shape} and {labels.shape}"
        )
    return images, labels
