"""How good a network is on a labelled set: loss, accuracy, confusion."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.errors import TrainingError
from common.training.learner import Learner
from common.weights.checks import some

TRAIN_AGAIN = "train the network again at a lower learning rate"
"""What helps against a trained network whose outputs are not finite."""

LOWER = "lower the learning rate or lengthen the warm-up"
"""What helps against a loss that stops being finite."""


@dataclass(frozen=True)
class Evaluation:
    """Mean loss and the confusion matrix, rows true and columns predicted.

    The loss is cross-entropy in nats, unless the model has one of its own.
    """

    loss: float
    confusion: NDArray[np.int64]

    @property
    def images(self) -> int:
        """Number of images seen."""
        return int(self.confusion.sum())

    @property
    def accuracy(self) -> float:
        """Fraction of images classified right."""
        return float(np.trace(self.confusion) / self.confusion.sum())

    @property
    def per_class(self) -> NDArray[np.float64]:
        """Accuracy within each true class, NaN for a class without images."""
        totals = self.confusion.sum(1)
        fractions = np.full(len(totals), np.nan)
        np.divide(np.diagonal(self.confusion), totals, fractions, where=totals > 0)
        return fractions

    def names(self, classes: tuple[str, ...]) -> tuple[str, ...]:
        """What the network's classes are called: those of the data, and the numbers of others."""
        return (*classes, *map(str, range(len(classes), len(self.confusion))))

    def to_dict(self, classes: tuple[str, ...]) -> dict[str, Any]:
        """Plain data for a record; JSON has no NaN, so a class without images has `None`."""
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
    """Raise `TrainingError` when a loss is NaN or infinite."""
    if not math.isfinite(loss):
        raise TrainingError(f"{where}: the loss must stay finite; got {loss}; {remedy}")


def check_state(arrays: Mapping[str, NDArray[Any]], what: str) -> None:
    """Raise `TrainingError` naming all arrays with NaN or infinity; `what` says what they are."""
    wrong = [name for name, array in arrays.items() if not np.isfinite(array).all()]
    if wrong:
        raise TrainingError(f"{what} must be finite; got NaN or infinity in {some(wrong)}; {LOWER}")


LossOf = Callable[[NDArray[np.float64], NDArray[np.int32]], float]
"""The mean loss of logits (N, classes) at labels (N,)."""


def cross_entropy(logits: NDArray[np.float64], labels: NDArray[np.int32]) -> float:
    """Mean of -log softmax at the labels, in nats."""
    with np.errstate(invalid="ignore"):  # inf - inf is NaN, as it should be
        shifted = logits - logits.max(1, keepdims=True)
        chosen = shifted[np.arange(len(labels)), labels]
        return float((np.log(np.exp(shifted).sum(1)) - chosen).mean())


def evaluate(
    learner: Learner,
    batches: Iterable[tuple[NDArray[np.uint8], NDArray[np.int32]]],
    loss_of: LossOf = cross_entropy,
) -> Evaluation:
    """Run `learner` over all batches. A short last batch is filled up, so shapes stay one.

    The loss is not finite when a logit is NaN or infinite, or too small at a label.
    """
    loss, confusion, full = 0.0, None, 0
    for images, labels in batches:
        full = full or len(images)
        logits = learner.eval_step(_filled(images, full))[: len(images)].astype(np.float64)
        if confusion is None:
            confusion = np.zeros((logits.shape[1],) * 2, np.int64)
        loss += loss_of(logits, labels) * len(labels)
        np.add.at(confusion, (labels, logits.argmax(1)), 1)
    if confusion is None:
        raise ValueError("evaluate: needs at least one batch; got none")
    return Evaluation(loss / int(confusion.sum()), confusion)


def _filled(images: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """`images` with the first one repeated up to `size`."""
    missing = size - len(images)
    if not missing:
        return images
    return np.concatenate([images, np.repeat(images[:1], missing, axis=0)])
