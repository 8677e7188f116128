"""Evaluation on labelled images: loss, accuracy, confusion matrix and metrics by class."""

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from common.arrays import as_labels
from common.data.rows import Rows
from common.errors import DataError, TrainingError
from common.training.learner import Learner
from common.weights.checks import some

_TOP: Final = 5

_AHEAD: Final = 2
"""Batches that may wait for a device while an earlier one is fetched from it."""

TRAIN_AGAIN = "train the network again at a lower learning rate"
"""Remedy for a trained network with outputs that are not finite."""

LOWER = "lower the learning rate or lengthen the warm-up"
"""Remedy for a loss that becomes NaN or infinite during training."""


@dataclass(frozen=True)
class Evaluation:
    """Results on labelled images: mean loss, confusion matrix, and metrics computed from it.

    The metrics of a class are those of telling its images from all others. Where a denominator is
    zero, they are

    - NaN for the recall of a class without images, and for precision and F1 of a class that has no
      images and is never predicted either;
    - 0 for the precision of a class that has images but is never predicted.

    Macro averages are plain means over the classes with images, as those of scikit-learn with these
    classes as `labels` and `zero_division=0`.

    - `loss`: mean cross-entropy in nats, or the model's own if a user overrode `loss`.
    - `confusion`: counts (classes, classes); rows are true classes, columns predicted ones.
    - `top5_accuracy`: fraction of images whose class has one of the five largest logits, of equal
      ones those of the first classes; `None` for five classes or fewer.
    """

    loss: float
    confusion: NDArray[np.int64]
    top5_accuracy: float | None = None

    @property
    def images(self) -> int:
        """Number of evaluated images."""
        return int(self.confusion.sum())

    @property
    def accuracy(self) -> float:
        """Fraction of correctly classified images."""
        return float(np.trace(self.confusion) / self.confusion.sum())

    @property
    def per_class(self) -> NDArray[np.float64]:
        """Accuracy (classes,) within each true class, which is its recall."""
        return self.recall

    @property
    def recall(self) -> NDArray[np.float64]:
        """Fraction (classes,) of each class's images that are classified correctly."""
        return _quotients(np.diagonal(self.confusion), self.confusion.sum(1))

    @property
    def precision(self) -> NDArray[np.float64]:
        """Fraction (classes,) of the images classified as each class that belong to it."""
        never = np.where(self._has_images, 0.0, np.nan)
        return _quotients(np.diagonal(self.confusion), self.confusion.sum(0), never)

    @property
    def f1(self) -> NDArray[np.float64]:
        """Harmonic mean (classes,) of precision and recall: 2 correct / (images + predicted)."""
        both = self.confusion.sum(0) + self.confusion.sum(1)
        return _quotients(2 * np.diagonal(self.confusion), both)

    @property
    def macro_precision(self) -> float:
        """Mean precision of the classes with images."""
        return float(self.precision[self._has_images].mean())

    @property
    def macro_recall(self) -> float:
        """Mean recall of the classes with images, also called balanced accuracy."""
        return float(self.recall[self._has_images].mean())

    @property
    def macro_f1(self) -> float:
        """Mean F1 of the classes with images."""
        return float(self.f1[self._has_images].mean())

    @property
    def _has_images(self) -> NDArray[np.bool_]:
        found: NDArray[np.bool_] = self.confusion.sum(1) > 0
        return found

    def names(self, classes: tuple[str, ...]) -> tuple[str, ...]:
        """Names of the network's classes: the data's, then the indices of classes beyond them."""
        return (*classes, *map(str, range(len(classes), len(self.confusion))))

    def to_dict(self, classes: tuple[str, ...]) -> dict[str, Any]:
        """Plain data for JSON: every metric, and `None` for NaN.

        `per_class_accuracy` is the recall, as in records of version 0.1.
        """
        names = self.names(classes)

        def named(values: NDArray[np.float64]) -> dict[str, float | None]:
            plain = [None if math.isnan(value) else value for value in values.tolist()]
            return dict(zip(names, plain, strict=True))

        return {
            "images": self.images,
            "loss": self.loss,
            "accuracy": self.accuracy,
            "top5_accuracy": self.top5_accuracy,
            "macro_precision": self.macro_precision,
            "macro_recall": self.macro_recall,
            "macro_f1": self.macro_f1,
            "per_class_accuracy": named(self.recall),
            "per_class_precision": named(self.precision),
            "per_class_recall": named(self.recall),
            "per_class_f1": named(self.f1),
            "confusion": self.confusion.tolist(),
        }


def _quotients(
    parts: NDArray[np.int64], totals: NDArray[np.int64], otherwise: Any = np.nan
) -> NDArray[np.float64]:
    """`parts / totals`, with `otherwise` where a total is zero."""
    result = np.full(len(totals), otherwise, np.float64)
    np.divide(parts, totals, result, where=totals > 0)
    return result


def check_finite(loss: float, where: str, remedy: str) -> None:
    """Raise `TrainingError` if `loss` is NaN or infinite."""
    if not math.isfinite(loss):
        raise TrainingError(f"{where}: the loss must stay finite; got {loss}; {remedy}")


def check_state(arrays: Mapping[str, NDArray[Any]], what: str) -> None:
    """Raise `TrainingError` naming all arrays with NaN or infinity.

    `what` begins the message and says what the arrays are.
    """
    wrong = [name for name, array in arrays.items() if not np.isfinite(array).all()]
    if wrong:
        raise TrainingError(f"{what} must be finite; got NaN or infinity in {some(wrong)}; {LOWER}")


LossOf = Callable[[NDArray[np.float64], NDArray[np.int32]], float]
"""Mean loss of logits (N, classes) and labels (N,)."""


def cross_entropy(logits: NDArray[np.float64], labels: NDArray[np.int32]) -> float:
    """Mean over N of -log softmax(logits) at the labels, in nats."""
    with np.errstate(invalid="ignore"):  # inf - inf = NaN is intended
        shifted = logits - logits.max(1, keepdims=True)
        chosen = shifted[np.arange(len(labels)), labels]
        return float((np.log(np.exp(shifted).sum(1)) - chosen).mean())


def evaluate(
    learner: Learner,
    batches: Iterable[Sequence[NDArray[Any]]],
    loss_of: LossOf = cross_entropy,
) -> Evaluation:
    """Evaluate `learner` on pairs of images (N, C, H, W), uint8 or prepared, and labels (N,).

    A short last batch is padded to the size of the first, which avoids compiling the network for a
    second shape. The loss is NaN or infinite if a logit is, or if softmax underflows at a label.
    Raises `DataError` if there are no batches, or for a label that is not one of the network's
    classes.
    """
    loss, confusion, among_five = 0.0, None, 0
    for logits, labels in _predicted(learner, batches):
        labels = as_labels(labels, len(logits), logits.shape[1])
        if confusion is None:
            confusion = np.zeros((logits.shape[1],) * 2, np.int64)
        loss += loss_of(logits, labels) * len(labels)
        np.add.at(confusion, (labels, logits.argmax(1)), 1)
        among_five += int((_ranks(logits, labels) < _TOP).sum())
    if confusion is None:
        raise DataError("data: val_batches must give at least one batch; got none")
    total = int(confusion.sum())
    top5 = among_five / total if len(confusion) > _TOP else None
    return Evaluation(loss / total, confusion, top5)


def _predicted(
    learner: Learner, batches: Iterable[Sequence[Any]]
) -> Iterator[tuple[NDArray[np.float64], Any]]:
    """Logits and labels of each batch; a device computes the next ones meanwhile."""
    begun: deque[tuple[Callable[[], NDArray[np.float32]], Any, int]] = deque()

    def first() -> tuple[NDArray[np.float64], Any]:
        result, labels, count = begun.popleft()
        return result()[:count].astype(np.float64), labels

    def at_once(images: Any) -> Callable[[], NDArray[np.float32]]:
        logits = learner.eval_step(images)
        return lambda: logits

    begin, full = getattr(learner, "begin_eval", at_once), 0
    for images, labels in batches:
        full = full or len(images)
        begun.append((begin(_filled(images, full)), labels, len(images)))
        if len(begun) > _AHEAD:
            yield first()
    while begun:
        yield first()


def _ranks(logits: NDArray[np.float64], labels: NDArray[np.int32]) -> NDArray[np.int64]:
    """Number (N,) of classes that come before the label when the logits are sorted.

    Of equal logits the first class comes first, as in `argmax`; NaN comes before any number.
    """
    chosen = logits[np.arange(len(labels)), labels, None]
    earlier = np.arange(logits.shape[1]) < labels[:, None]
    before: NDArray[np.int64] = (~(logits <= chosen) | ((logits == chosen) & earlier)).sum(1)
    return before


def _filled(images: Any, size: int) -> Any:
    """`images`, padded to `size` images with copies of the first."""
    if isinstance(images, Rows):
        return images.filled(size)
    missing = size - len(images)
    if missing <= 0:
        return images
    return np.concatenate([images, np.repeat(images[:1], missing, axis=0)])
