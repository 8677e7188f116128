"""Batches as rows of an array that holds all images, so that a device can gather them by itself."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from common.errors import DataError

Copy = TypeVar("Copy")

_PAIRS = (("train_batches", "train_rows"), ("val_batches", "val_rows"))


class Rows:
    """The images `array[indices]`, which are not gathered yet; `numpy.asarray` gathers them.

    - `array`: all images, uint8 (N, C, H, W).
    - `indices`: of this batch, int64 (n,).
    """

    def __init__(self, array: NDArray[np.uint8], indices: NDArray[np.int64]) -> None:
        self.array, self.indices = array, indices

    def __len__(self) -> int:
        return len(self.indices)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        gathered = self.array[self.indices]
        return gathered if dtype is None else gathered.astype(dtype, copy=False)

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, C, H, W)."""
        return (len(self.indices), *self.array.shape[1:])

    def filled(self, size: int) -> "Rows":
        """These images, and copies of the first up to `size` images."""
        missing = np.repeat(self.indices[:1], max(size - len(self), 0))
        return Rows(self.array, np.concatenate([self.indices, missing]))


RowBatch = tuple[Rows, NDArray[np.int32]]
"""Images as rows, and labels (N,)."""


@dataclass(frozen=True)
class ImageSet:
    """Images uint8 (N, C, H, W) with labels int32 (N,). Raises `DataError` if shapes differ."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int32]

    def __post_init__(self) -> None:
        if self.images.ndim != 4 or self.labels.shape != self.images.shape[:1]:
            raise DataError(
                "image set: must have images (N, C, H, W) and labels (N,); "
                f"got shapes {self.images.shape} and {self.labels.shape}"
            )

    def __len__(self) -> int:
        return len(self.labels)


def cut_into_rows(
    images: ImageSet, order: NDArray[np.int64], batch_size: int
) -> Iterator[RowBatch]:
    """Batches of the images at the indices `order`; the last one may be short."""
    for start in range(0, len(order), batch_size):
        chosen = order[start : start + batch_size]
        yield Rows(images.images, chosen), images.labels[chosen]


class Kept(Generic[Copy]):
    """Copies of arrays on a device, each made when it is first asked for.

    `send` copies an array. What is changed in an array later does not change its copy.
    """

    def __init__(self, send: Callable[[NDArray[np.uint8]], Copy]) -> None:
        self._send = send
        self._copies: dict[int, tuple[NDArray[np.uint8], Copy]] = {}

    def copy(self, array: NDArray[np.uint8]) -> Copy:
        """The copy of `array`."""
        number = id(array)  # of an array that is held here, so that no other one gets its number
        if number not in self._copies:
            self._copies[number] = (array, self._send(array))
        return self._copies[number][1]


def size_in_rows(data: object) -> int:
    """Bytes of the arrays of whose rows the batches of `data` consist; 0 if they do not.

    They do if `data` has `bytes_in_rows`, unless a derived class has batches of its own.
    """
    classes = type(data).__mro__
    for batches, rows in _PAIRS:
        first = next((kind for kind in classes if {batches, rows} & vars(kind).keys()), object)
        if rows not in vars(first) or batches in getattr(data, "__dict__", {}):
            return 0
    return int(getattr(data, "bytes_in_rows", 0))
