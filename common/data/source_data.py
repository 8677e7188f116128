"""`ImageData` made of any source of images."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.bounds import MAX_BATCH
from common.data.augment import PLAIN, Augmentation
from common.data.batches import batch_order
from common.data.image_data import Batch, MixedBatch
from common.data.mixup import draw_shares
from common.data.options import DataOptions
from common.data.parallel import in_order
from common.data.preprocessing import Preprocessing
from common.data.rows import ImageSet, RowBatch, Rows, cut_into_rows
from common.data.sources import ArraySource, FileSource, Source, Split
from common.data.sources.protocol import fingerprint
from common.data.sources.split import check_split
from common.data.transform import cut_and_resize, prepared_pixels, shifted
from common.errors import ConfigError, DataError
from common.numbers import check_batch, checked_integer
from common.processes import usable_cores


class SourceData:
    """Batches of a source's images, resized and cropped as `preprocessing` says.

    Raises `ConfigError`, and `DataError` for training and validation images that do not fit.

    - `split`: training and validation images, which are read batch by batch.
    - `batch_size`: images per batch. An epoch drops the images of its random order that do not fill
      a last batch.
    - `preprocessing`: how images become the network's input; they are resized to 8-bit pixels.
    - `augmentation`: of training images; its crops replace the resizing.
    - `workers`: threads that prepare batches in advance, by default one per core; 0 for none.
      Batches do not depend on it.
    - `requested`: the name from which `open_data` makes the same data.
    """

    def __init__(
        self,
        split: Split,
        batch_size: int,
        preprocessing: Preprocessing,
        augmentation: Augmentation = PLAIN,
        workers: int | None = None,
        requested: str = "",
    ) -> None:
        check_split(split, requested or "data")
        self.batch_size = checked_integer("batch_size:", batch_size, 1, MAX_BATCH, ConfigError)
        check_batch(self.batch_size, preprocessing.size)
        if self.batch_size > len(split.train):
            raise ConfigError(
                f"batch_size: must be at most the {len(split.train):,} training images; "
                f"got {batch_size}; choose a smaller one"
            )
        if preprocessing.channels != split.train.channels:
            raise ConfigError(
                f"preprocessing: must have the {split.train.channels} channels of the images; got "
                f"{preprocessing.channels}; take images of as many channels as the network has, or "
                "another network"
            )
        if augmentation.lighting and preprocessing.channels != 3:
            raise ConfigError(
                "lighting: must be 0 for images that are not red, green and blue; got "
                f"{augmentation.lighting}"
            )
        if augmentation.mixup and self.batch_size < 2:
            raise ConfigError("mixup: needs batches of two images or more; got batch_size 1")
        self.split, self.preprocessing, self.augmentation = split, preprocessing, augmentation
        cores = len(usable_cores())
        self.workers = (
            cores if workers is None else checked_integer("workers:", workers, 0, 1024, ConfigError)
        )
        self.requested = requested
        self.options = DataOptions(preprocessing, augmentation)

    @property
    def train(self) -> Source:
        """The training images."""
        return self.split.train

    @property
    def val(self) -> Source:
        """The validation images."""
        return self.split.val

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names in the order of their labels."""
        return self.train.classes

    @property
    def steps_per_epoch(self) -> int:
        """Number of whole batches in the training images."""
        return len(self.train) // self.batch_size

    def describe(self) -> str:
        """Number and origin of the images, for messages and the record."""
        return f"{self.train.describe()}, and {len(self.val):,} to validate on"

    def fingerprint(self) -> str:
        """Digest that tells whether the images are those of before, as far as that is cheap."""
        return " ".join(map(fingerprint, self.split))

    @property
    def bytes_in_rows(self) -> int:
        """Bytes of all images if they are in memory, and neither resized nor augmented; else 0."""
        parts = [self._stored(source) for source in self.split]
        sizes = [pixels.nbytes for pixels in parts if pixels is not None]
        is_plain = replace(self.augmentation, mixup=0.0).changes_nothing
        return sum(sizes) if is_plain and len(sizes) == len(parts) else 0

    def train_rows(self, seed: int, epoch: int, start: int = 0) -> Iterator[tuple[Any, ...]]:
        """`train_batches` before they are gathered."""
        order, mixup = batch_order(len(self.train), seed, epoch), self.augmentation.mixup
        pixels = self._stored(self.train)

        def batch(step: int) -> tuple[Any, ...]:
            chosen = order[step * self.batch_size : (step + 1) * self.batch_size]
            found = Rows(pixels, chosen), self.train.labels[chosen]
            return (*found, draw_shares(mixup, seed, epoch, chosen)) if mixup else found

        return in_order(batch, range(start, self.steps_per_epoch), self.workers if mixup else 0)

    def val_rows(self) -> Iterator[RowBatch]:
        """`val_batches` before they are gathered."""
        images = ImageSet(self._stored(self.val), self.val.labels)
        return cut_into_rows(images, np.arange(len(self.val)), self.batch_size)

    def _stored(self, source: Source) -> Any:
        """The pixels (N, C, H, W) of a source if they are in memory at the input's size."""
        if not isinstance(source, ArraySource) or self.preprocessing.resize_to is not None:
            return None
        return source.pixels if source.pixels.shape[1:] == self.preprocessing.image_shape else None

    def train_batches(self, seed: int, epoch: int, start: int = 0) -> Iterator[Batch | MixedBatch]:
        """The batches of `epoch` (from 0), from batch `start` on, in an order that `seed` draws."""
        order = batch_order(len(self.train), seed, epoch)
        prepare, mixup = partial(self._augmented, seed, epoch), self.augmentation.mixup

        def batch(step: int) -> Batch | MixedBatch:
            chosen = order[step * self.batch_size : (step + 1) * self.batch_size]
            found = self._assembled(self.train, chosen, prepare)
            return (*found, draw_shares(mixup, seed, epoch, chosen)) if mixup else found

        return in_order(batch, range(start, self.steps_per_epoch), self.workers)

    def val_batches(self) -> Iterator[Batch]:
        """All validation images in stored order; the last batch may be short."""

        def batch(start: int) -> Batch:
            chosen = np.arange(start, min(start + self.batch_size, len(self.val)))
            return self._assembled(self.val, chosen, self._prepared)

        return in_order(batch, range(0, len(self.val), self.batch_size), self.workers)

    def _assembled(
        self,
        source: Source,
        indices: NDArray[np.int64],
        prepare: Callable[[str, int, NDArray[np.uint8]], NDArray[np.uint8]],
    ) -> Batch:
        images = np.empty((len(indices), *self.preprocessing.image_shape), np.uint8)
        for row, index in enumerate(indices.tolist()):
            images[row] = prepare(source.name(index), index, _read(source, index))
        return images, source.labels[indices]

    def _prepared(self, name: str, index: int, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return prepared_pixels(image, self.preprocessing, name)

    def _augmented(
        self, seed: int, epoch: int, name: str, index: int, image: NDArray[np.uint8]
    ) -> NDArray[np.uint8]:
        size, interpolation = self.preprocessing.size, self.preprocessing.interpolation
        if self.augmentation.crop != "random_resized":  # which takes the place of the resizing
            image = self._prepared(name, index, image).transpose(1, 2, 0)
        draw = self.augmentation.draw(seed, epoch, index, image.shape[:2], size)
        return shifted(cut_and_resize(image, draw.box, size, draw.flip, interpolation), draw.offset)


def _read(source: Source, index: int) -> NDArray[np.uint8]:
    try:
        return source.read(index)
    except DataError as error:
        if not isinstance(source, FileSource):
            raise
        raise DataError(
            f"{error}; mend or remove it; anynet data prepare names all that cannot be read"
        ) from error
