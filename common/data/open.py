"""Images by the names that the command line uses."""

import os
from pathlib import Path

from common.data.sources import (
    CIFAR_10,
    CIFAR_100,
    Split,
    find_images,
    open_shards,
    read_cifar,
    read_idx_folder,
    read_labelled_npz,
    split_by_class,
)
from common.data.sources.cifar import holds_cifar
from common.data.sources.idx_folder import holds_idx
from common.data.sources.shards import is_shards
from common.data.sources.split import VALIDATION_SHARE, check_split
from common.errors import DataError, shown

SETS = {"cifar10": CIFAR_10, "cifar100": CIFAR_100}
"""Data sets that have a name."""


def set_of(name: str) -> str | None:
    """The data set that a name or a directory with its files means; None for others."""
    if name in SETS:
        return name
    return next((known for known, which in SETS.items() if holds_cifar(which, name)), None)


def open_split(
    name: str, channels: int = 3, val_share: float = VALIDATION_SHARE, seed: int = 0
) -> Split:
    """Open `cifar10`, `cifar100`, a `.npz` file or a folder.

    A folder holds images, shards, CIFAR's files or idx files. Raises `DataError`.

    - `name`: name of the data set, or path.
    - `channels`: for image files, 1 for grey or 3 for RGB.
    - `val_share`, `seed`: fraction of each class to validate on, and seed of its draw, for data
      without validation images.
    """
    if known := set_of(name):
        return read_cifar(SETS[known], "auto" if name in SETS else name)
    path = Path(name)
    if path.suffix == ".npz" and not os.path.isdir(path):
        return _split_npz(path, val_share, seed)
    if not os.path.isdir(path):
        raise DataError(
            f"data: must be {', '.join(SETS)}, a .npz file or a folder; got {shown(name)}, which "
            "is none of them"
        )
    if holds_idx(path):
        return read_idx_folder(path)
    return open_shards(path) if is_shards(path) else find_images(path, channels, val_share, seed)


def _split_npz(path: Path, val_share: float, seed: int) -> Split:
    parts = read_labelled_npz(path)
    val = parts.get("val", parts.get("test"))
    if "train" in parts and val is not None:
        split = Split(parts["train"], val)
    else:
        whole = parts.get("", parts.get("train"))
        if whole is None:
            raise DataError(f"{path}: must hold training images; got {', '.join(parts)} alone")
        chosen = split_by_class(whole.labels, whole.classes, val_share, seed, str(path))
        split = Split(*(whole.part(indices) for indices in chosen))
    check_split(split, str(path))
    return split
