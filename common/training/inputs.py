"""What a learner's steps take: images, labels or target probabilities, and shares of mixup."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.arrays import as_array, as_images, as_labels, as_pixels, as_shares, as_targets
from common.chapter import overrides_loss
from common.data import Preprocessing
from common.data.mixup import mixed
from common.data.rows import Rows
from common.errors import ConfigError, DataError
from common.training.config import Precision
from common.training.recipe import Recipe


@dataclass(frozen=True)
class StepInputs:
    """Checks what a learner's steps are given, and converts it. Methods raise `DataError`.

    - `preprocessing`: how pixels become the network's input.
    - `classes`: number of classes of the network.
    - `label_smoothing`: as in `Recipe`.
    - `precision`: in which the network computes; floats become float64 there, else float32.
    - `own_loss`: whether a user wrote the model's loss, which takes integer labels only.
    - `takes_rows`: whether the learner gathers `Rows` on its device; for others they are gathered.
    """

    preprocessing: Preprocessing
    classes: int
    label_smoothing: float = 0.0
    precision: Precision = "float32"
    own_loss: bool = False
    takes_rows: bool = False

    @classmethod
    def of(
        cls,
        model: object,
        preprocessing: Preprocessing,
        classes: int,
        recipe: Recipe,
        precision: Precision,
        takes_rows: bool = False,
    ) -> "StepInputs":
        """What the steps of a learner with these settings take."""
        smoothing = recipe.label_smoothing
        return cls(preprocessing, classes, smoothing, precision, overrides_loss(model), takes_rows)

    def images(self, images: object) -> Any:
        """Pixels (N, C, H, W) as uint8, or floats as the network's input, (N, *image_shape).

        N may be 0. Floats are prepared already: nothing scales or resizes them. Rows of pixels stay
        rows if the learner takes them.
        """
        if isinstance(images, Rows) and self.takes_rows and len(images):
            as_pixels(images.array[:1], self.preprocessing.channels)
            return images
        array = as_array(images, "images")
        channels, height, width = self.preprocessing.image_shape
        if array.dtype.kind == "f":
            return as_images(array, self._dtype, channels, (height, width))
        return as_pixels(array, channels)

    def batch(self, images: object, labels: object, shares: object = None) -> tuple[Any, ...]:
        """The arrays of a training step: images, labels and, for mixup, shares.

        Labels are int32 (N,), or target probabilities (N, classes) wherever labels are such, are
        smoothed, or are mixed. Shares are (N,).
        """
        seen = self.images(images)
        count = len(seen)
        numbers = as_array(labels, "labels")
        is_hard = numbers.ndim != 2 or numbers.dtype.kind != "f"
        if not count or (is_hard and not self.label_smoothing and shares is None):
            return seen, as_labels(numbers, count, self.classes)
        if self.own_loss:
            what = "mixup" if is_hard else "target probabilities"
            raise DataError(
                "labels: must be integers, and not mixed, for a model with a loss of its own; "
                f"got {what}; do not override loss"
            )
        if is_hard:
            targets = np.eye(self.classes)[as_labels(numbers, count, self.classes)]
        else:
            targets = as_targets(numbers, count, self.classes)
        if shares is None:
            return seen, self._smoothed(targets)
        own = as_shares(shares, count)
        return seen, self._smoothed(mixed(targets, own)), own.astype(self._dtype)

    @property
    def _dtype(self) -> type[np.floating[Any]]:
        return np.float64 if self.precision == "float64" else np.float32

    def _smoothed(self, targets: NDArray[np.float64]) -> NDArray[Any]:
        s = self.label_smoothing
        return ((1 - s) * targets + s / self.classes if s else targets).astype(self._dtype)


def check_own_loss(model: object, label_smoothing: float, mixup: float = 0.0) -> None:
    """Raise `ConfigError` if a model's own loss would be given smoothed or mixed labels."""
    given = {"label_smoothing": label_smoothing, "mixup": mixup}
    for name, value in given.items():
        if value and overrides_loss(model):
            raise ConfigError(
                f"{name}: must be 0 for a model with a loss of its own, which takes integer "
                f"labels; got {value:g}; leave it out, or do not override loss"
            )
