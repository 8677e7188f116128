"""How much the training losses of two runs differ."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from common.errors import DataError
from common.training.rows import INTERVAL, Row, rows_of


@dataclass(frozen=True)
class Distance:
    """Relative differences between two runs' training losses: mean and maximum over intervals."""

    mean: float
    largest: float
    intervals: int


def losses(rows: list[Row]) -> dict[int, float]:
    """Mean training loss of each interval, keyed by its last step."""
    return {row["step"]: row["loss"] for row in rows_of(rows, INTERVAL)}


def distance(ours: list[Row], theirs: list[Row]) -> Distance:
    """Differences between two records, relative to `theirs`, over intervals with equal last steps.

    Raises `DataError` if there are none.
    """
    one, other = losses(ours), losses(theirs)
    steps = sorted(one.keys() & other.keys())
    if not steps:
        raise DataError("records: must have intervals that end at the same steps; got none")
    a, b = (np.array([values[step] for step in steps]) for values in (one, other))
    differences: NDArray[np.float64] = np.abs(a - b) / b
    return Distance(float(differences.mean()), float(differences.max()), len(steps))
