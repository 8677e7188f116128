"""How far rounding alone moves what the reference computes."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from common import reference
from common.arch import AnyNetSpec
from common.parity.cases import Case
from common.parity.measure import TRUTH, Measured, Subject, free_run, measure
from common.parity.quantities import FLOAT32_OUTPUTS, Record
from common.parity.tolerances import MARGIN, ROUNDING
from common.reference.ops import total as total_of
from common.training import Precision
from common.weights import perturb_weights

_ULPS = (1, MARGIN, 1, MARGIN)
"""By how many ulps each draw perturbs every weight, up or down."""

_OPEN_SHARES = (0.0, 1.0, *[0.5] * 6)
"""Share of the units within rounding of a ReLU's kink that pass their gradient in each draw.

The rounded sums of a draw may hide a part of what such a unit changes; that those of all eight do
is unlikely.
"""


def sensitivity(case: Case, precision: Precision) -> Measured:
    """Yield how far rounding in `precision` moves each array of the reference, in float64.

    In float64 this is measured for free runs only, in float32 for everything else that is compared.
    It is the largest change over a few draws, one number per array, or for losses (steps,) one per
    step that never falls. Some draws perturb the weights by 1 ulp and scale the change by `MARGIN`;
    others perturb by `MARGIN` ulps. In float32, where some units always lie within rounding of a
    ReLU's kink, the largest change over draws that switch those units, and round the sums of batch
    norms, is added.
    """
    compute = free_run if precision == "float64" else _everything_else
    unchanged = dict(compute(TRUTH, case, case.arrays()))
    changes = _largest_changes(unchanged, _perturbed(case, precision, compute))
    if precision == "float32":
        rounded = _largest_changes(unchanged, _rounded(case))
        changes = {key: change + rounded[key] for key, change in changes.items()}
    for key, change in changes.items():
        yield key._replace(precision=precision, is_change=True), change


Computation = Callable[[Subject, Case, Mapping[str, NDArray[Any]]], Measured]


def _everything_else(subject: Subject, case: Case, arrays: Mapping[str, NDArray[Any]]) -> Measured:
    return measure(subject, replace(case, chaotic=False), "float64", arrays)


def _largest_changes(unchanged: Record, draws: Iterator[tuple[float, Measured]]) -> Record:
    """The largest change over all draws, each times the draw's factor, by key."""
    changes: Record = {}
    for factor, draw in draws:
        for key, array in draw:
            change = np.abs(array - unchanged[key]) * factor
            by_step = key.quantity.kind == "losses"
            largest = np.maximum.accumulate(change) if by_step else np.array(change.max())
            changes[key] = np.maximum(largest, changes.get(key, 0.0))
    return changes


def _perturbed(
    case: Case, precision: Precision, compute: Computation
) -> Iterator[tuple[float, Measured]]:
    """What the reference computes with perturbed weights, and the factor of the change."""
    for draw, ulps in enumerate(_ULPS):
        arrays = perturb_weights(case.spec, case.arrays(), draw, ulps, precision)
        yield MARGIN / ulps, compute(TRUTH, case, arrays)


def _rounded(case: Case) -> Iterator[tuple[float, Measured]]:
    """What the reference computes when units near a kink and sums are rounded to either side."""
    for draw, share in enumerate(_OPEN_SHARES):
        yield 1.0, _everything_else(_with_rounding(draw, share), case, case.arrays())


def _with_rounding(draw: int, share: float) -> Subject:
    """The reference, with a random `share` of the units near a ReLU's kink passing their gradient.

    Near means within the float32 tolerance of layer outputs: a backend may be on either side. The
    sums in a batch norm's gradients are moved, too. A framework may add its n terms one by one, and
    the rounding errors are a random walk of n steps, each of a unit roundoff of the sum so far.
    """

    def create(name_or_spec: str | AnyNetSpec, seed: int = 0) -> reference.Network:
        # Of its own, for what the first steps tell not to depend on how many steps there are.
        stream = np.random.default_rng([5, draw])

        def passes(x: NDArray[np.float64]) -> NDArray[np.bool_]:
            near = np.abs(x) <= FLOAT32_OUTPUTS * np.abs(x).max(initial=0.0)
            return np.where(near, stream.random(x.shape) < share, x > 0)

        def total(terms: NDArray[np.float64]) -> NDArray[np.float64]:
            exact, sizes = total_of(terms), total_of(np.abs(terms))
            steps = np.sqrt(terms.size / len(exact)) * ROUNDING["float32"]
            sides = stream.choice([-1, 1], len(exact))
            moved: NDArray[np.float64] = exact + sides * MARGIN * steps * sizes
            return moved

        return replace(reference.create(name_or_spec, seed), passes=passes, total=total)

    parts = ("Learner", "get_weights", "set_weights", "layer_outputs")
    same = {name: getattr(reference, name) for name in parts}
    return cast(Subject, SimpleNamespace(create=create, **same))
