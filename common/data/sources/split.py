"""Training and validation images of one data set."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from common.data.sources.protocol import Source, check_source
from common.errors import DataError, shown

VALIDATION_SHARE: Final = 0.2
"""Default fraction of each class to validate on, if a data set is not split."""

_STREAM: Final = 7
"""Makes this random stream independent of others with the same seed."""


class Split(NamedTuple):
    """Training and validation images of the same classes."""

    train: Source
    val: Source


def check_split(split: Split, where: str) -> None:
    """Raise `DataError` unless both parts have the same classes, all with training images."""
    for name, part in (("train", split.train), ("val", split.val)):
        check_source(part, f"{where}: {name}")
    train, val = split
    if train.classes != val.classes:
        extra = [name for name in val.classes if name not in train.classes]
        lacking = [name for name in train.classes if name not in val.classes]
        raise DataError(
            f"{where}: train and val must have the same classes; got only in val {shown(extra)}, "
            f"only in train {shown(lacking)}"
        )
    if train.channels != val.channels:
        raise DataError(
            f"{where}: train and val must have images of as many channels; got {train.channels} "
            f"and {val.channels}"
        )
    counts = np.bincount(train.labels, minlength=len(train.classes))
    if not counts.all():
        empty = [train.classes[label] for label in np.flatnonzero(counts == 0)]
        raise DataError(
            f"{where}: each class must have training images; got none of {shown(empty)}"
        )


def split_by_class(
    labels: NDArray[np.int32], classes: Sequence[str], share: float, seed: int, where: str
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Sorted indices of training and validation images, drawn separately for each class.

    Raises `DataError` for a class with fewer than two images, or a share that is not between 0
    and 1.

    - `labels`, `classes`: labels (N,) of all images, and class names.
    - `share`: fraction to validate on; each part gets at least one image of each class.
    - `seed`: of the draw.
    - `where`: begins error messages.
    """
    if not 0 < share < 1:
        raise DataError(f"{where}: val_share must be between 0 and 1; got {share}")
    train, val = [], []
    for label, name in enumerate(classes):
        members = np.flatnonzero(labels == label)
        if len(members) < 2:
            raise DataError(
                f"{where}: a class must have two images or more to be split; got {len(members)} of "
                f"{shown(name)}; add images, or split them yourself into train and val"
            )
        held_out = min(max(1, round(share * len(members))), len(members) - 1)
        shuffled = np.random.default_rng([seed, _STREAM, label]).permutation(members)
        val.append(shuffled[:held_out])
        train.append(shuffled[held_out:])
    return np.sort(np.concatenate(train)), np.sort(np.concatenate(val))
