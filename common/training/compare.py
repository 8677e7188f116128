"""How far the training losses of two runs are apart."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from common.errors import DataError
from common.training.records import Row


@dataclass(frozen=True)
class Distance:
    """Relative differences in training loss per interval of a record: their mean and largest."""

    mean: float
    largest: float
    intervals: int


def losses(rows: list[Row]) -> dict[int, float]:
    """Mean training loss of every interval, by the step that ends it."""
    return {row["step"]: row["loss"] for row in rows if row["kind"] == "interval"}


def distance(ours: list[Row], theirs: list[Row]) -> Distance:
    """How far one record is from another, over the steps that both have.

    Raises `DataError` when they have none in common.
    """
    one, other = losses(ours), losses(theirs)
    steps = sorted(one.keys() & other.keys())
    if not steps:
        raise DataError("records: must have intervals that end at the same steps; got none")
    a, b = (np.array([values[step] for step in steps]) for values in (one, other))
    differences: NDArray[np.float64] = np.abs(a - b) / b
    return Distance(float(differences.mean()), float(differences.max()), len(steps))
