"""Fashion-MNIST (Xiao et al., 2017): its files and batches (chapter section 4.2)."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xxhash
from numpy.typing import NDArray

from common.bounds import MAX_BATCH
from common.chapter import HyperParameters
from common.data.batches import batch_order
from common.data.fashion_mnist_files import absolute_source, file_in, find_fashion_mnist
from common.data.idx import read_idx
from common.data.image_data import Batch
from common.data.loader import Loader, Native, show_images
from common.data.preprocessing import Preprocessing
from common.data.resize import prepare
from common.data.rows import ImageSet, RowBatch, cut_into_rows
from common.data.sample import FOLDER as SAMPLE
from common.errors import ConfigError, DataError
from common.numbers import check_batch, checked_integer, checked_size

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CLASSES = (
    "t-shirt", "trouser", "pullover", "dress", "coat",
    "sandal", "shirt", "sneaker", "bag", "ankle boot",
)  # fmt: skip
"""Class names in the order of their labels, as in the chapter."""

_KNOWN = frozenset({"487f333d836a7f411139757bb86bfa58", "9f138f3117c9b2ce48543432f20a8c25"})
"""`_digest` of the full set and of the sample."""

_warn = logging.getLogger("anynet").warning


class FashionMNIST(HyperParameters):
    """Fashion-MNIST in batches (chapter section 4.2).

    Batches are uint8 (N, 1, 28, 28); the training step scales and resizes them on its device. An
    epoch drops the images of its random order that do not fill a last batch. Raises `DataError` or
    `ConfigError`.

    - `batch_size`: images per batch.
    - `resize`: (height, width) of the network's input in pixels, or one number for a square.
    - `source`: where the files are, as in `find_fashion_mnist`.

    `train` and `val` are the images, and `is_known` whether they are the published ones.
    """

    classes = CLASSES
    num_classes = len(CLASSES)

    def __init__(
        self,
        batch_size: int = 64,
        resize: tuple[int, int] | int = (28, 28),
        source: str | Path = "auto",
    ) -> None:
        batch_size = checked_integer("batch_size:", batch_size, 1, MAX_BATCH, ConfigError)
        self.resize = checked_size("resize:", resize, ConfigError)
        check_batch(batch_size, self.resize)
        self.batch_size = batch_size
        self.folder = find_fashion_mnist(source)
        self.requested = absolute_source(source)
        self.is_sample = self.folder == SAMPLE
        self.train = _read(self.folder, "train")
        self.val = _read(self.folder, "t10k")
        self.is_known = _digest(self.train, self.val) in _KNOWN
        if batch_size > len(self.train):
            raise ConfigError(
                f"batch_size: must be at most the {len(self.train):,} training images; "
                f"got {batch_size}"
            )
        if not self.is_known:
            _warn("data: %s; their digest is of neither the set nor the sample", self.describe())
        elif self.is_sample:
            _warn("data: %s; --data full is all of it", self.describe())

    def text_labels(self, indices: Iterable[Any]) -> list[str]:
        """Class names of labels (N,), an array of any framework."""
        return [self.classes[int(index)] for index in indices]

    def get_dataloader(self, train: bool) -> Loader:
        """Batches of training or validation images, resized and scaled, as `to_native` returns.

        This is for d2l's code: `Trainer.fit` uses `train_batches` and `val_batches`.
        """
        if train:
            return Loader(partial(self.train_batches, 0), self.steps_per_epoch, self._as_seen)
        length = -(-len(self.val) // self.batch_size)
        return Loader(lambda epoch: self.val_batches(), length, self._as_seen)

    def _as_seen(self, images: NDArray[np.uint8], labels: NDArray[np.int32]) -> Native:
        return self.to_native(prepare(images, self.resize), labels.copy())

    def train_dataloader(self) -> Loader:
        """Batches of resized training images; each iteration has a new order."""
        return self.get_dataloader(train=True)

    def val_dataloader(self) -> Loader:
        """Batches of resized validation images."""
        return self.get_dataloader(train=False)

    def to_native(self, images: NDArray[np.float32], labels: NDArray[np.int32]) -> Native:
        """A batch as loaders return it, from float32 images (N, C, H, W) and labels (N,)."""
        return images, labels

    def visualize(
        self, batch: Native, nrows: int = 1, ncols: int = 8, labels: Sequence[str] = ()
    ) -> "Figure":
        """A figure of the first `nrows * ncols` images of a loader's batch.

        Titles are `labels`, by default the class names. In a notebook the figure is displayed.
        Raises `DataError` if the images are not grey.
        """
        images, targets = batch
        return show_images(images, nrows, ncols, labels or self.text_labels(targets))

    def describe(self) -> str:
        """Number and origin of the images, for messages and the record."""
        counts = f"{len(self.train):,} + {len(self.val):,}"
        if not self.is_known:
            return f"{counts} unknown images in {self.folder} under Fashion-MNIST's names"
        sizes = f"{counts} images of Fashion-MNIST"
        return f"the shipped sample, {sizes}" if self.is_sample else f"{sizes} in {self.folder}"

    @property
    def preprocessing(self) -> Preprocessing:
        """Bilinear resizing to `resize` without antialiasing, and scaling to [0, 1]."""
        return Preprocessing(self.train.images.shape[1], self.resize)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of the network's input."""
        return self.preprocessing.image_shape

    @property
    def steps_per_epoch(self) -> int:
        """Number of whole batches in the training images."""
        return len(self.train) // self.batch_size

    @property
    def bytes_in_rows(self) -> int:
        """Bytes of all images, of whose rows the batches consist."""
        return self.train.images.nbytes + self.val.images.nbytes

    def train_batches(self, seed: int, epoch: int, start: int = 0) -> Iterator[Batch]:
        """The batches of `epoch` (from 0), from batch `start` on, in an order that `seed` draws."""
        for rows, labels in self.train_rows(seed, epoch, start):
            yield np.asarray(rows), labels

    def train_rows(self, seed: int, epoch: int, start: int = 0) -> Iterator[RowBatch]:
        """`train_batches` before they are gathered."""
        order = batch_order(len(self.train), seed, epoch)
        whole = order[start * self.batch_size : self.steps_per_epoch * self.batch_size]
        return cut_into_rows(self.train, whole, self.batch_size)

    def val_batches(self) -> Iterator[Batch]:
        """All validation images in stored order; the last batch may be short."""
        for start in range(0, len(self.val), self.batch_size):
            part = slice(start, start + self.batch_size)
            yield self.val.images[part], self.val.labels[part]

    def val_rows(self) -> Iterator[RowBatch]:
        """`val_batches` before they are gathered."""
        return cut_into_rows(self.val, np.arange(len(self.val)), self.batch_size)


def _digest(*parts: ImageSet) -> str:
    """XXH3-128 of all images and labels; takes 0.01 s for the full set."""
    digest = xxhash.xxh3_128()
    for part in parts:
        digest.update(np.ascontiguousarray(part.images).data)
        digest.update(part.labels.astype("<i4").data)
    return str(digest.hexdigest())


def _read(folder: Path, part: str) -> ImageSet:
    images_path = file_in(folder, f"{part}-images-idx3-ubyte.gz")
    images = read_idx(images_path)
    labels = read_idx(file_in(folder, f"{part}-labels-idx1-ubyte.gz"))
    if images.ndim != 3 or labels.shape != images.shape[:1] or not images.size:
        raise DataError(
            f"{images_path}: must hold non-empty images, as many as there are labels; "
            f"got shapes {images.shape} and {labels.shape}"
        )
    if labels.max() >= len(CLASSES):
        raise DataError(f"{folder}: labels must be below {len(CLASSES)}; got {labels.max()}")
    return ImageSet(images[:, None], labels.astype(np.int32))
