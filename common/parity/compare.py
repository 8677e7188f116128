"""The records held against the reference, and against each other pair by pair."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.arch import plan
from common.parity.cases import CASES, Case
from common.parity.causes import likely_causes
from common.parity.measure import Record
from common.parity.tolerances import allowed, scale

REFERENCE = "reference"
CHANGE = " change"
"""Ending of the precision under which the reference records what ulps change."""

_ORDER = (
    "shapes", "eval outputs", "train outputs", "gradient", "second derivative", "statistics",
    "plain", "nesterov", "restarted", "free run",
)  # fmt: skip
_FLOAT64_ONLY = ("restarted", "free run", "second derivative")


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
    causes: tuple[str, ...] = ()
    """What usually makes this quantity of this layer differ, when nothing before it does."""

    @property
    def within(self) -> bool:
        """Whether the error is inside its tolerance."""
        return self.ratio <= 1

    @property
    def layer(self) -> str:
        """Name of the layer whose output or array this is."""
        return layer_of(self.array)

    def __str__(self) -> str:
        if np.isinf(self.error):
            what = "must be there, finite and of the plan's shape; got otherwise"
        elif self.quantity == "shapes":
            what = "must be the plan's; got another"
        else:
            what = f"must agree to {self.error / self.ratio:.1e}; got {self.error:.1e}"
        return (
            f"{' and '.join(self.pair)}, case {self.case}, {self.precision}: "
            f"{self.quantity} of {self.array} {what}"
        )


def compare(records: Mapping[str, Record], cases: Iterable[Case] = CASES) -> Iterator[Finding]:
    """Every array of every record against the reference's, and of every pair of backends.

    `records` holds the reference and one backend or more. Within a case and precision, what is
    computed first comes first: a layer's output before those of the layers that read it, and its
    gradient after theirs.
    """
    truth = records[REFERENCE]
    backends = [name for name in records if name != REFERENCE]
    layers = {case.name: {x.name: x for x in plan(case.spec)} for case in cases}
    pairs = [(name, REFERENCE) for name in backends] + list(combinations(backends, 2))
    for (case, precision, quantity), values in _groups(truth).items():
        for pair in pairs:
            for array in _in_order(quantity, values, layers[case]):
                ours, theirs = (_array(records[name], case, precision, quantity, array, name)
                                for name in pair)  # fmt: skip
                if quantity.endswith("outputs") and (ours is None or theirs is None):
                    continue  # not every framework lets every layer be observed
                if quantity == "second derivative" and not _has(quantity, case, records, pair):
                    continue  # not every framework has them
                size = scale(quantity, array, values)
                change = truth.get(f"{case}/{precision}{CHANGE}/{quantity}/{array}")
                limit = allowed(precision, quantity, array, values, change)
                if REFERENCE not in pair and (quantity == "free run" or precision == "float32"):
                    limit = 2 * limit  # both may be as far from the reference, on either side
                error, ratio = _distance(ours, theirs, size, limit)
                causes = likely_causes(quantity, array, layers[case].get(layer_of(array)))
                yield Finding(pair, case, precision, quantity, array, error, ratio, causes)


def _has(quantity: str, case: str, records: Mapping[str, Record], pair: tuple[str, str]) -> bool:
    """Whether both records hold anything of a quantity of a case."""
    prefix = f"{case}/float64/{quantity}/"
    return all(any(key.startswith(prefix) for key in records[name]) for name in pair)


def _groups(truth: Record) -> dict[tuple[str, str, str], dict[str, NDArray[Any]]]:
    """The reference's arrays by case, precision and quantity, for every precision it judges."""
    groups: dict[tuple[str, str, str], dict[str, NDArray[Any]]] = {}
    for name, values in truth.items():
        case, precision, quantity, array = name.split("/")
        if precision == "float64":
            groups.setdefault((case, precision, quantity), {})[array] = values
        elif precision == f"float32{CHANGE}" and not quantity.startswith(_FLOAT64_ONLY):
            values = truth[f"{case}/float64/{quantity}/{array}"]
            groups.setdefault((case, "float32", quantity), {})[array] = values
    return dict(sorted(groups.items(), key=lambda item: (*item[0][:2], _rank(item[0][2]))))


def _rank(quantity: str) -> tuple[int, int]:
    number = int(last) if (last := quantity.split()[-1]).isdigit() else 0
    return next(i for i, words in enumerate(_ORDER) if quantity.startswith(words)), number


def _in_order(quantity: str, arrays: Iterable[str], layers: Iterable[str]) -> list[str]:
    """Arrays in the order in which they are computed."""
    places = {layer: place for place, layer in enumerate(layers)}
    sign = -1 if quantity in ("gradient", "second derivative") else 1
    return sorted(arrays, key=lambda array: sign * places.get(layer_of(array), 0))


def layer_of(array: str) -> str:
    """Name of the layer whose output or array this is."""
    layer, _, kind = array.rpartition(".")
    return layer if kind in ("weight", "bias", "running_mean", "running_var") else array


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
    with np.errstate(over="ignore"):
        error = float(difference.max(initial=0.0) / max(size, tiny))
        return error, float((difference / np.maximum(limit, tiny)).max(initial=0.0))
