"""The records held against the reference, and against each other pair by pair."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.parity.measure import Record
from common.parity.tolerances import allowed, scale

REFERENCE = "reference"
CHANGE = " change"
"""Ending of the precision under which the reference records what one rounding unit changes."""


@dataclass(frozen=True)
class Finding:
    """How far one array of two subjects is apart, in units of what is allowed."""

    pair: tuple[str, str]
    case: str
    precision: str
    quantity: str
    array: str
    error: float
    """Largest absolute difference, relative to the array's largest element."""
    ratio: float
    """The largest absolute difference over the allowed one; above 1 is a failure."""

    @property
    def within(self) -> bool:
        """Whether the error is inside its tolerance."""
        return self.ratio <= 1

    @property
    def layer(self) -> str:
        """Name of the layer whose output or array this is."""
        kind = self.array.rpartition(".")
        is_array = kind[2] in ("weight", "bias", "running_mean", "running_var")
        return kind[0] if is_array else self.array

    def __str__(self) -> str:
        if np.isinf(self.error):
            what = "must be there, finite and of the plan's shape; got otherwise"
        else:
            what = f"must agree to {self.error / self.ratio:.1e}; got {self.error:.1e}"
        return (
            f"{' and '.join(self.pair)}, case {self.case}, {self.precision}: "
            f"{self.quantity} of {self.array} {what}"
        )


def compare(records: Mapping[str, Record]) -> Iterator[Finding]:
    """Every array of every record against the reference's, and of every pair of backends.

    `records` holds the reference and one backend or more. Order of execution within each case.
    """
    truth = records[REFERENCE]
    backends = [name for name in records if name != REFERENCE]
    groups = _groups(truth)
    for group, values in groups.items():
        case, precision, quantity = group.split("/")
        for pair in [(name, REFERENCE) for name in backends] + list(combinations(backends, 2)):
            for array in values:
                ours, theirs = (_array(records[name], case, precision, quantity, array, name)
                                for name in pair)  # fmt: skip
                if quantity.endswith("outputs") and (ours is None or theirs is None):
                    continue  # not every framework lets every layer be observed
                size = scale(quantity, array, values)
                change = truth.get(f"{case}/{precision}{CHANGE}/{quantity}/{array}")
                limit = allowed(precision, quantity, array, size, change)
                if REFERENCE not in pair and (quantity == "free run" or precision == "float32"):
                    limit = 2 * limit  # both may be as far from the reference, on either side
                error, ratio = _distance(ours, theirs, size, limit)
                yield Finding(pair, case, precision, quantity, array, error, ratio)


def _groups(truth: Record) -> dict[str, dict[str, NDArray[Any]]]:
    """The reference's arrays by `case/precision/quantity`, for both precisions."""
    groups: dict[str, dict[str, NDArray[Any]]] = {}
    for name, values in truth.items():
        case, precision, quantity, array = name.split("/")
        if precision != "float64":
            continue
        groups.setdefault(f"{case}/float64/{quantity}", {})[array] = values
        if f"{case}/float32{CHANGE}/shapes/head.fc.weight" in truth and not quantity.startswith(
            ("free run", "restarted")
        ):
            groups.setdefault(f"{case}/float32/{quantity}", {})[array] = values
    return groups


def _array(
    record: Record, case: str, precision: str, quantity: str, array: str, name: str
) -> NDArray[Any] | None:
    own = "float64" if name == REFERENCE else precision
    return record.get(f"{case}/{own}/{quantity}/{array}")


def _distance(
    ours: NDArray[Any] | None, theirs: NDArray[Any] | None, size: float, limit: NDArray[Any]
) -> tuple[float, float]:
    """Error relative to `size`, and over `limit`; infinite for what cannot be compared."""
    if ours is None or theirs is None or ours.shape != theirs.shape:
        return np.inf, np.inf
    difference = np.abs(ours.astype(np.float64) - theirs)
    if not np.isfinite(difference).all():
        return np.inf, np.inf
    tiny = np.finfo(np.float64).tiny
    error = float(difference.max(initial=0.0)) / max(size, tiny)
    return error, float((difference / np.maximum(limit, tiny)).max(initial=0.0))
