"""Evaluation on labelled images: loss, accuracy, confusion matrix."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.arrays import as_labels
from common.errors import DataError, TrainingError
from common.training.learner import Learner
from common.weights.checks import some

TRAIN_AGAIN = "train the network again at a lower learning rate"
"""Remedy for a trained network with outputs that are not finite."""

LOWER = "lower the learning rate or lengthen the warm-up"
"""Remedy for a loss that becomes NaN or infinite during training."""


@dataclass(frozen=True)
class Evaluation:
    """Mean loss, and confusion matrix (classes, classes) of counts.

    Rows are true classes, columns predicted ones. The loss is cross-entropy in nats, or the model's
    own if a user overrode `loss`.
    """

    loss: float
    confusion: NDArray[np.int64]

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
        """Accuracy (classes,) within each true class; NaN for a class without images."""
        totals = self.confusion.sum(1)
        fractions = np.full(len(totals), np.nan)
        np.divide(np.diagonal(self.confusion), totals, fractions, where=totals > 0)
        return fractions

    def names(self, classes: tuple[str, ...]) -> tuple[str, ...]:
        """Names of the network's classes: the data's, then the indices of classes beyond them."""
        return (*classes, *map(str, range(len(classes), len(self.confusion))))

    def to_dict(self, classes: tuple[str, ...]) -> dict[str, Any]:
        """Plain data for JSON, where the accuracy of a class without images is `None`."""
        values = [None if math.isnan(value) else value for value in self.per_class.tolist()]
        per_class = dict(zip(self.names(classes), values, strict=True))
        return {
            "images": self.images,
            "loss": self.loss,
            "accuracy": self.accuracy,
            "per_class_accuracy": per_class,
            "confusion": self.confusion.tolist(),
        }


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
    batches: Iterable[tuple[NDArray[np.uint8], NDArray[np.int32]]],
    loss_of: LossOf = cross_entropy,
) -> Evaluation:
    """Evaluate `learner` on batches of images uint8 (N, C, H, W) and labels int32 (N,).

    A short last batch is padded to the size of the first, which avoids compiling the network for a
    second shape. The loss is NaN or infinite if a logit is, or if softmax underflows at a label.
    Raises `DataError` if there are no batches, or for a label that is not one of the network's
    classes.
    """
    loss, confusion, full = 0.0, None, 0
    for images, labels in batches:
        full = full or len(images)
        logits = learner.eval_step(_filled(images, full))[: len(images)].astype(np.float64)
        labels = as_labels(labels, len(images), logits.shape[1])
        if confusion is None:
            confusion = np.zeros((logits.shape[1],) * 2, np.int64)
        loss += loss_of(logits, labels) * len(labels)
        np.add.at(confusion, (labels, logits.argmax(1)), 1)
    if confusion is None:
        raise DataError("data: val_batches must give at least one batch; got none")
    return Evaluation(loss / int(confusion.sum()), confusion)


def _filled(images: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """`images`, padded to `size` images with copies of the first."""
    missing = size - len(images)
    if missing <= 0:
        return images
    return np.concatenate([images, np.repeat(images[:1], missing, axis=0)])
