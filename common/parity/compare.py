"""Every record against the reference's, and against every other, array by array."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.arch import plan
from common.parity.cases import CASES, Case
from common.parity.causes import likely_causes
from common.parity.quantities import Key, Record
from common.parity.tolerances import allowed_error, scale

REFERENCE = "reference"
"""Name of the NumPy reference among the records."""


@dataclass(frozen=True)
class Finding:
    """How far one array of two records is apart."""

    pair: tuple[str, str]
    key: Key
    error: float
    """Largest absolute difference, relative to the array's largest element (see `scale`).

    Infinite for arrays that are missing, not finite, or of different shapes.
    """
    ratio: float
    """Largest absolute difference over the allowed one; above 1 is a failure."""
    causes: tuple[str, ...] = ()
    """Usual causes of such a difference, when no earlier array differs."""

    @property
    def within(self) -> bool:
        """Whether the difference is allowed."""
        return self.ratio <= 1

    def __str__(self) -> str:
        if self.within:
            what = f"agrees to {self.error:.1e}"
        elif np.isinf(self.error):
            what = "must be there, finite and of the plan's shape; got otherwise"
        elif self.key.quantity.kind == "shapes":
            what = "must be the plan's; got another"
        else:
            what = f"must agree to {self.error / self.ratio:.1e}; got {self.error:.1e}"
        return (
            f"{' and '.join(self.pair)}, case {self.key.case}, {self.key.precision}: "
            f"{self.key.label} of {self.key.array} {what}"
        )


def compare(records: Mapping[str, Record], cases: Iterable[Case] = CASES) -> Iterator[Finding]:
    """Compare every backend with the reference, and every two backends with each other.

    `records` holds those of the reference and of at least one backend, by name; only `cases` of
    them are compared. Findings of one case and precision come in the order of computation: the
    output of a layer before those of the layers that read it, its gradient after theirs.
    """
    layers = {case.name: {layer.name: layer for layer in plan(case.spec)} for case in cases}
    truth = {key: array for key, array in records[REFERENCE].items() if key.case in layers}
    backends = [name for name in records if name != REFERENCE]
    pairs = [(name, REFERENCE) for name in backends] + list(combinations(backends, 2))
    for keys in _groups(truth):
        in_order = _in_order_of_computation(keys, layers[keys[0].case])
        for pair in pairs:
            for key in in_order:
                ours, theirs = (_array(records[name], key, name == REFERENCE) for name in pair)
                if (ours is None or theirs is None) and _may_be_missing(key, pair, records):
                    continue
                size, limit = scale(key, truth), allowed_error(key, truth)
                if REFERENCE not in pair and key._replace(is_change=True) in truth:
                    limit = 2 * limit  # the two may lie on opposite sides of the reference
                error, ratio = _distance(ours, theirs, size, limit)
                causes = likely_causes(key, layers[key.case].get(key.layer))
                yield Finding(pair, key, error, ratio, causes)


def _groups(truth: Record) -> list[list[Key]]:
    """Keys to compare, grouped by case, precision, quantity and step, in order of computation.

    In float32 they are the keys whose sensitivity to rounding the reference has recorded.
    """
    groups = defaultdict[tuple[str, str, tuple[int, int]], list[Key]](list)
    for key in truth:
        if key.is_change == (key.precision == "float32"):
            groups[key.case, key.precision, key.rank].append(key._replace(is_change=False))
    return [groups[place] for place in sorted(groups)]


def _in_order_of_computation(keys: Iterable[Key], layers: Iterable[str]) -> list[Key]:
    places = {layer: place for place, layer in enumerate(layers)}

    def place(key: Key) -> int:
        forward = places.get(key.layer, 0)
        return -forward if key.quantity.kind == "derivatives" else forward

    return sorted(keys, key=place)


def _array(record: Record, key: Key, is_reference: bool) -> NDArray[Any] | None:
    """The array of a key; the reference computes in float64 whatever it is compared in."""
    return record.get(key._replace(precision="float64") if is_reference else key)


def _may_be_missing(key: Key, pair: tuple[str, str], records: Mapping[str, Record]) -> bool:
    """Whether a framework need not have the array: a layer's output, or an optional quantity.

    A backend that has an optional quantity of a case must have all of its arrays.
    """
    if not key.quantity.optional:
        return key.quantity.kind == "outputs"
    return not all(
        any(found.case == key.case and found.quantity == key.quantity for found in records[name])
        for name in pair
    )


def _distance(
    ours: NDArray[Any] | None, theirs: NDArray[Any] | None, size: float, limit: NDArray[Any]
) -> tuple[float, float]:
    """The largest difference over `size` and over `limit`; infinite for what has none."""
    if ours is None or theirs is None or ours.shape != theirs.shape:
        return np.inf, np.inf
    difference = np.abs(ours.astype(np.float64) - theirs)
    if not np.isfinite(difference).all():
        return np.inf, np.inf
    tiny = np.finfo(np.float64).tiny
    with np.errstate(over="ignore"):
        error = float(difference.max(initial=0.0) / max(size, tiny))
        return error, float((difference / np.maximum(limit, tiny)).max(initial=0.0))
