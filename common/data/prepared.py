"""Batches that another library makes: loaders, `tf.data`, any iterable of images with labels."""

import logging
from collections.abc import Iterable, Iterator, Sequence, Sized
from itertools import islice
from typing import Any, Final, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from common.arrays import as_array, as_labels
from common.bounds import MAX_CHANNELS, MAX_STEPS
from common.data.preprocessing import Preprocessing
from common.data.sources.protocol import check_classes, numbered
from common.errors import ConfigError, DataError, shortened
from common.numbers import checked_choice, checked_integer

Layout = Literal["NCHW", "NHWC"]

_FEW_CHANNELS: Final = (1, 3, 4)
_LARGE: Final = 32.0
"""Prepared images of usual means and deviations stay far below it; pixels do not."""

_warn = logging.getLogger("anynet").warning


class PreparedBatches:
    """Batches that another library makes, for `Trainer.fit`: a `DataLoader`, a `tf.data.Dataset`.

    Batches are pairs of images and labels, in arrays of any framework:

    - Float images are the network's input. They are taken as they are, and never scaled.
    - Integer images are pixels from 0 to 255, prepared by `preprocessing` as those of other data.
    - Labels are integers (N,); in training also target probabilities (N, classes).

    A last training batch with fewer images is left out. A resumed run begins the interrupted epoch
    again, and ends as if it had not stopped only if an epoch's batches are always the same; an
    iterable, its sampler or its data set with a method `set_epoch` is told the epoch. Raises
    `DataError`, or `ConfigError` for settings.

    - `train`, `val`: anything that can be iterated anew for each epoch.
    - `classes`: class names or their number; by default `classes` or `class_names` of `train` or of
      its `dataset`.
    - `preprocessing`: how the images were prepared, which weight files say, and `predict` does.
      Without it, float images are not described.
    - `layout`: the order of the images' axes; `NHWC` has channels last, as in `tf.data`.
    - `steps_per_epoch`: training batches of an epoch. By default they are counted, once, by going
      through `train`, unless it is a `DataLoader` that knows its number of images.
    """

    requested = ""
    resumes_within_epoch = False

    def __init__(
        self,
        train: Iterable[Any],
        val: Iterable[Any],
        classes: Sequence[str] | int | None = None,
        preprocessing: Preprocessing | None = None,
        layout: Layout = "NCHW",
        steps_per_epoch: int | None = None,
    ) -> None:
        if not isinstance(preprocessing, Preprocessing | None):
            got = shortened(preprocessing)
            raise ConfigError(f"preprocessing: must be a Preprocessing; got {got}")
        self._layout = checked_choice("layout:", layout, get_args(Layout), ConfigError)
        self._train, self._val = _checked("train", train), _checked("val", val)
        self.classes = _class_names(train, classes)
        first = self._first("train", train)
        held_out = self._first("val", val)
        self.is_prepared = first.dtype.kind == "f"
        self.is_described = preprocessing is not None or not self.is_prepared
        channels, height, width = first.shape[1:]
        self.preprocessing = preprocessing or Preprocessing(channels, (height, width))
        for what, images in (("train", first), ("val", held_out)):
            self._check_kind(what, images)
        counts = _counted("train", train, len(first), steps_per_epoch)
        self.batch_size, self.steps_per_epoch = counts.batch_size, counts.full
        self.train = range(counts.full * counts.batch_size)
        self.val = range(_counted("val", val, len(held_out), None).images)
        self._say(first)

    def describe(self) -> str:
        """Number and origin of the images, for messages and the record."""
        kind = shortened(type(self._train).__name__)
        return f"{len(self.train):,} images from a {kind}, and {len(self.val):,} to validate on"

    def train_batches(self, seed: int, epoch: int, start: int = 0) -> Iterator[tuple[Any, Any]]:
        """The training batches of `epoch` in the order of `train`, which `seed` does not change.

        Raises `DataError` unless `start` is 0.
        """
        if start:
            raise DataError(
                f"data: batches of others begin with an epoch; got batch {start} of epoch {epoch}; "
                "resume the run with the data that it began with"
            )
        loader = self._train
        parts = (getattr(loader, name, None) for name in ("sampler", "batch_sampler", "dataset"))
        for part in (loader, *parts):
            if callable(tell := getattr(part, "set_epoch", None)):
                tell(epoch)
        for batch in islice(self._train, self.steps_per_epoch):
            yield self._converted("train", batch)

    def val_batches(self) -> Iterator[tuple[Any, Any]]:
        """All validation images in the order of `val`."""
        for batch in self._val:
            yield self._converted("val", batch)

    def _first(self, what: str, batches: Iterable[Any]) -> NDArray[Any]:
        """The images of the first batch, (N, C, H, W)."""
        for batch in batches:
            images = self._as_nchw(what, _pair(what, batch)[0])
            if not len(images):
                raise DataError(f"{what}: batches must have an image at least; got none")
            return images
        raise DataError(f"{what}: must give at least one batch; got none")

    def _converted(self, what: str, batch: Any) -> tuple[NDArray[Any], NDArray[Any]]:
        images, labels = _pair(what, batch)
        images = self._as_nchw(what, images)
        self._check_kind(what, images)
        numbers = as_array(labels, "labels")
        if numbers.ndim == 2 and numbers.dtype.kind == "f" and what == "train":
            return images, numbers
        return images, as_labels(numbers, len(images), len(self.classes), "the classes of the data")

    def _as_nchw(self, what: str, images: object) -> NDArray[Any]:
        array = as_array(images, f"{what}: images")
        if array.ndim != 4 or min(array.shape[1:]) < 1:
            raise DataError(
                f"{what}: images must have four axes, {self._layout}; got shape "
                f"{shortened(array.shape)}"
            )
        if self._layout == "NHWC":
            return array.transpose(0, 3, 1, 2)
        if array.shape[1] not in _FEW_CHANNELS and array.shape[3] in _FEW_CHANNELS:
            raise DataError(
                f"{what}: images must be (N, C, H, W); got shape {shortened(array.shape)}; "
                "pass layout='NHWC' for images with channels last"
            )
        return array

    def _check_kind(self, what: str, images: NDArray[Any]) -> None:
        """Raise `DataError` for images of another kind or shape than those that are described."""
        if (images.dtype.kind == "f") != self.is_prepared:
            wanted = "floats, as the first" if self.is_prepared else "pixels, as the first"
            raise DataError(f"{what}: images must all be {wanted}; got {images.dtype}")
        shape = self.preprocessing.image_shape
        same = shape if self.is_prepared else (shape[0], *images.shape[2:])
        if images.shape[1:] != same:
            raise DataError(
                f"{what}: images must have the shape (N, {', '.join(map(str, same))}) of the "
                f"{'preprocessing' if self.is_described else 'first batch'}; "
                f"got {shortened(images.shape)}"
            )

    def _say(self, images: NDArray[Any]) -> None:
        """Log what cannot be promised, and images that look as if they were not prepared."""
        unsaid = "" if self.is_described else (
            "; weight files do not say how images are prepared or what classes are called, so "
            "predict assumes it: pass a Preprocessing to describe them"
        )  # fmt: skip
        _warn(
            "data: batches are taken as %s gives them; a resumed run begins the interrupted epoch "
            "again, and is exact only if an epoch's batches are always the same%s",
            shortened(type(self._train).__name__),
            unsaid,
        )
        largest = np.abs(images).max()
        if self.is_prepared and largest > self._usual_limit():
            _warn(
                "data: float images are the network's input and never scaled; got values up to %g; "
                "give pixels as uint8, or divide them by 255",
                largest,
            )

    def _usual_limit(self) -> float:
        """A value that prepared images do not exceed, but pixels from 0 to 255 do."""
        if not self.is_described:
            return _LARGE
        seen = self.preprocessing
        white = [
            (255 * seen.scale - mean) / std for mean, std in zip(seen.mean, seen.std, strict=True)
        ]
        black = [mean / std for mean, std in zip(seen.mean, seen.std, strict=True)]
        return 4 * max(map(abs, (*white, *black)))


class _Counts(NamedTuple):
    batch_size: int
    full: int
    """Batches of `batch_size` images."""
    images: int


def _checked(what: str, batches: Any) -> Any:
    if not isinstance(batches, Iterable) or isinstance(batches, str | bytes | dict):
        kind = shortened(type(batches).__name__)
        raise DataError(f"{what}: must be an iterable of batches; got {kind}")
    if isinstance(batches, Iterator):
        raise DataError(
            f"{what}: must be iterable anew for each epoch; got a {type(batches).__name__}, which "
            "ends with the first; give what makes it, such as a list, a DataLoader or a data set"
        )
    return batches


def _pair(what: str, batch: Any) -> tuple[Any, Any]:
    if not isinstance(batch, tuple | list) or len(batch) != 2:
        size = f" of {len(batch)}" if isinstance(batch, tuple | list) else ""
        raise DataError(
            f"{what}: a batch must be a pair of images and labels; got "
            f"{shortened(type(batch).__name__)}{size}"
        )
    return batch[0], batch[1]


def _class_names(train: Any, classes: Sequence[str] | int | None) -> tuple[str, ...]:
    if isinstance(classes, int):
        return numbered(checked_integer("classes:", classes, 1, MAX_CHANNELS, ConfigError))
    owners = (train, getattr(train, "dataset", None))
    names = ("classes", "class_names")
    found = classes if classes is not None else next(
        (value for owner in owners for name in names if (value := getattr(owner, name, None))), None
    )  # fmt: skip
    if not isinstance(found, Sequence) or not found:
        raise DataError(
            f"classes: must be class names or their number; got {shortened(found)}; pass classes"
        )
    return check_classes(found, "classes")


def _counted(what: str, batches: Any, first: int, steps: int | None) -> _Counts:
    """Count batches and images, by going through them if they do not tell."""
    if steps is not None:
        steps = checked_integer("steps_per_epoch:", steps, 1, MAX_STEPS, ConfigError)
        return _Counts(first, steps, first * steps)
    size, sampler = (getattr(batches, name, None) for name in ("batch_size", "sampler"))
    if isinstance(size, int) and isinstance(sampler, Sized) and size <= len(sampler):
        full, rest = divmod(len(sampler), size)
        left_out = rest if getattr(batches, "drop_last", False) else 0
        return _Counts(size, full, len(sampler) - left_out)
    if callable(cardinality := getattr(batches, "cardinality", None)) and int(cardinality()) == -1:
        remedy = "; pass steps_per_epoch" if what == "train" else ""
        raise DataError(f"{what}: must have an end; got one that repeats forever{remedy}")
    sizes = [len(_pair(what, batch)[1]) for batch in batches]
    uneven = [size for size in sizes[:-1] if size != first]
    if what == "train" and (uneven or sizes[-1] > first):
        raise DataError(
            f"{what}: batches must have the same number of images, {first} as the first, apart "
            f"from the last; got {(uneven or sizes[-1:])[0]}"
        )
    return _Counts(first, sum(size == first for size in sizes), sum(sizes))
