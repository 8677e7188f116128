"""What training, evaluation and studies read of a data set."""

from collections.abc import Iterable, Iterator, Sized
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from common.arrays import as_array, as_pixels
from common.bounds import MAX_BATCH, MAX_STEPS
from common.data.preprocessing import Preprocessing
from common.data.rows import Rows
from common.errors import DataError, shortened
from common.numbers import checked_integer

Batch = tuple[NDArray[np.uint8], NDArray[np.int32]]
"""Images (N, C, H, W) as pixels from 0 to 255, and labels (N,)."""

MixedBatch = tuple[NDArray[np.uint8], NDArray[np.int32], NDArray[np.float64]]
"""The same with the share (N,) of each image that is its own, as `common.data.mixup` says."""


class ImageData(Protocol):
    """Labelled images to train and to validate on, in batches.

    Any object with these attributes and methods can be given to `Trainer.fit`. Batches hold pixels
    as they are stored, all of one size within a batch; the training step resizes and scales them on
    its device as `preprocessing` says.

    Data whose batches are rows of an array in memory may have `train_rows`, `val_rows` and
    `bytes_in_rows`, as `FashionMNIST` has them: a GPU can then keep the array.

    Three more attributes may be there, as in `PreparedBatches`: `is_prepared` says whether images
    are floats, the network's input itself (by default not); `is_described`, whether `preprocessing`
    is how they were made (by default it is); and `resumes_within_epoch`, whether `train_batches`
    takes a `start` above 0 (by default it does).
    """

    @property
    def requested(self) -> str:
        """The name or absolute path from which `open_data` makes the same data again."""

    @property
    def preprocessing(self) -> Preprocessing:
        """How an image becomes the network's input."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names in the order of their labels 0, 1, ..."""

    @property
    def train(self) -> Sized:
        """The training images; only their number, `len`, is read."""

    @property
    def val(self) -> Sized:
        """The validation images; only their number, `len`, is read."""

    @property
    def batch_size(self) -> int:
        """Images of each training batch."""

    @property
    def steps_per_epoch(self) -> int:
        """Training batches of an epoch."""

    def train_batches(self, seed: int, epoch: int, start: int = 0) -> Iterator[Batch | MixedBatch]:
        """The training batches of `epoch` (from 0), from batch `start` on.

        Each has `batch_size` images. Their order depends on `seed` and `epoch` alone, so that a
        run which is resumed at batch `start` sees what it would have seen. With a third array, the
        training step mixes the images on its device.
        """

    def val_batches(self) -> Iterator[Batch]:
        """All validation images once, in the same order each time; the last batch may be short."""

    def describe(self) -> str:
        """What the images are and where they come from, for people and for the record."""


_MEMBERS = tuple(name for name in vars(ImageData) if not name.startswith("_"))


def check_image_data(data: object) -> None:
    """Raise `DataError` unless `data` has what `ImageData` asks for.

    The message names everything that is missing. No batch is read.
    """
    missing = [name for name in _MEMBERS if not hasattr(data, name)]
    if missing:
        remedy = "; PreparedBatches(train, val) takes batches" * isinstance(data, Iterable)
        raise DataError(
            "data: must be FashionMNIST, or have all that common.data.ImageData asks for; "
            f"got {shortened(type(data).__name__)} without {', '.join(missing)}{remedy}"
        )
    preprocessing, classes = data.preprocessing, data.classes  # type: ignore[attr-defined]
    if not isinstance(preprocessing, Preprocessing):
        raise DataError(f"data: preprocessing must be a Preprocessing; got "
                        f"{shortened(preprocessing)}")  # fmt: skip
    names = classes if isinstance(classes, tuple | list) else ()
    if not names or not all(isinstance(name, str) for name in names):
        raise DataError(f"data: classes must be a tuple of names; got {shortened(classes)}")
    for name, maximum in (("batch_size", MAX_BATCH), ("steps_per_epoch", MAX_STEPS)):
        checked_integer(f"data: {name}", getattr(data, name), 1, maximum, DataError)


def checked_batches(
    data: ImageData, batches: Iterable[Any], longest: int = 3
) -> Iterator[tuple[Any, ...]]:
    """The batches of `data`, with images as NumPy's arrays or `Rows`, checked for their form.

    Raises `DataError` for a batch that is not a pair, or with more than `longest` arrays, and for
    float images of data that does not say that it `is_prepared`: they would not be scaled.
    """
    as_images = as_array if getattr(data, "is_prepared", False) else as_pixels
    for batch in batches:
        if isinstance(batch, tuple) and batch and isinstance(batch[0], Rows):
            yield batch
            continue
        if not isinstance(batch, tuple | list) or not 2 <= len(batch) <= longest:
            size = f" of {len(batch)}" if isinstance(batch, tuple | list) else ""
            raise DataError(
                "data: a batch must be a pair of images and labels, with a third array for mixup "
                f"in training; got {shortened(type(batch).__name__)}{size}"
            )
        yield (as_images(batch[0]), *batch[1:])
