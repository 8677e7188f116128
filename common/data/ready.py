"""Ready-made data sets: a folder of images, CIFAR, arrays, data sets of other libraries."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from common.data.augment import PLAIN, Augmentation
from common.data.presets import on_imagenet, stretched
from common.data.source_data import SourceData
from common.data.sources import (
    CIFAR_10,
    CIFAR_100,
    ArraySource,
    IndexableSource,
    Split,
    find_images,
    read_cifar,
    split_by_class,
)
from common.data.sources.cifar import CIFAR
from common.data.sources.folder import check_files
from common.data.sources.split import VALIDATION_SHARE


class ImageFolder(SourceData):
    """A folder of image files, with a subfolder for each class. Raises `DataError`.

    - `folder`: has `train/CLASS/...` and `val/CLASS/...`, or `CLASS/...` alone.
    - `size`: of the network's input in pixels; images are prepared as `on_imagenet` says.
    - `channels`: 1 for grey, 3 for RGB.
    - `val_share`, `split_seed`: fraction of each class to validate on, and seed of its draw, if the
      folder is not split already.
    - `batch_size`, `augmentation`, `workers`: as in `SourceData`.
    """

    def __init__(
        self,
        folder: str | Path,
        batch_size: int = 64,
        size: int | tuple[int, int] = 224,
        channels: int = 3,
        augmentation: Augmentation = PLAIN,
        workers: int | None = None,
        val_share: float = VALIDATION_SHARE,
        split_seed: int = 0,
    ) -> None:
        split = find_images(folder, channels, val_share, split_seed)
        check_files(split)
        super().__init__(
            split,
            batch_size,
            on_imagenet(size, channels),
            augmentation,
            workers,
            str(Path(folder).absolute()),
        )
        self.options = replace(self.options, val_share=val_share, split_seed=split_seed)


class _CIFARData(SourceData):
    _which: CIFAR
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __init__(
        self,
        batch_size: int = 128,
        size: int | tuple[int, int] = 32,
        source: str | Path = "auto",
        augmentation: Augmentation = PLAIN,
        workers: int | None = None,
    ) -> None:
        name = self._which.name.lower().replace("-", "")
        super().__init__(
            read_cifar(self._which, source),
            batch_size,
            stretched(size, 3, self.mean, self.std),
            augmentation,
            workers,
            name if str(source) == "auto" else str(Path(source).absolute()),
        )


class CIFAR10(_CIFARData):
    """CIFAR-10 (Krizhevsky, 2009) in batches, read or downloaded by `read_cifar`."""

    _which, mean, std = CIFAR_10, (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)


class CIFAR100(_CIFARData):
    """CIFAR-100 (Krizhevsky, 2009) in batches, read or downloaded by `read_cifar`."""

    _which, mean, std = CIFAR_100, (0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762)


class ArrayData(SourceData):
    """Batches of images and labels in memory. Raises `DataError` or `ConfigError`.

    - `images`, `labels`: pixels from 0 to 255, (N, C, H, W) or (N, H, W), and labels (N,).
    - `size`: to which images are resized, by default their own; they are scaled to [0, 1].
    - `val`: images and labels to validate on.
    - `val_share`, `split_seed`: without `val`, fraction of each class to validate on, and seed of
      its draw.
    - other arguments: as in `SourceData`.
    """

    def __init__(
        self,
        images: object,
        labels: object,
        batch_size: int = 64,
        val: tuple[object, object] | None = None,
        classes: tuple[str, ...] | None = None,
        size: int | tuple[int, int] | None = None,
        augmentation: Augmentation = PLAIN,
        val_share: float = VALIDATION_SHARE,
        split_seed: int = 0,
    ) -> None:
        train = ArraySource(images, labels, classes)
        if val is None:
            parts = split_by_class(train.labels, train.classes, val_share, split_seed, "arrays")
            split = Split(*(train.part(indices) for indices in parts))
        else:
            split = Split(train, ArraySource(*val, train.classes, "arrays: val"))
        height, width = train.read(0).shape[:2]
        super().__init__(
            split,
            batch_size,
            stretched((height, width) if size is None else size, train.channels),
            augmentation,
        )
        self.options = replace(self.options, val_share=val_share, split_seed=split_seed)


class IndexedData(SourceData):
    """Batches of another library's data set, such as PyTorch's or Hugging Face's.

    Raises `DataError` or `ConfigError`.

    - `train`: anything with a length whose items are images with labels, as `IndexableSource` takes
      them: as they are stored, without transforms. If labels are not stored separately
      (`targets`, or a column), all items are read once for them.
    - `val`: the same, to validate on.
    - `batch_size`, `augmentation`: as in `SourceData`.
    - `size`: of the network's input in pixels; images are prepared as `on_imagenet` says.
    - `channels`: 1 for grey, 3 for RGB.
    - `classes`: class names, by default those of `train`, else numbers.
    - `workers`: threads that read items at the same time; 0, the default, suits any data set.
    - `val_share`, `split_seed`: without `val`, fraction of each class to validate on, and seed of
      its draw.
    """

    def __init__(
        self,
        train: Any,
        val: Any = None,
        batch_size: int = 64,
        size: int | tuple[int, int] = 224,
        channels: int = 3,
        classes: Sequence[str] | None = None,
        augmentation: Augmentation = PLAIN,
        workers: int | None = 0,
        val_share: float = VALIDATION_SHARE,
        split_seed: int = 0,
    ) -> None:
        whole = IndexableSource(train, classes, channels)
        if val is None:
            where = type(train).__name__
            parts = split_by_class(whole.labels, whole.classes, val_share, split_seed, where)
            split = Split(*(whole.part(indices) for indices in parts))
        else:
            held_out = IndexableSource(val, classes, channels)
            if not held_out.is_named:
                held_out.classes = whole.classes
            split = Split(whole, held_out)
        super().__init__(split, batch_size, on_imagenet(size, channels), augmentation, workers)
        self.options = replace(self.options, val_share=val_share, split_seed=split_seed)
