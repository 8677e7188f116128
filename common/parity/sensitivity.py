"""How far rounding alone moves what the reference computes."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from common import reference
from common.arch import AnyNetSpec
from common.parity.cases import Case
from common.parity.measure import TRUTH, Measured, Record, Subject, free_run, measure
from common.parity.tolerances import FLOAT32_OUTPUTS, MARGIN
from common.training import Precision
from common.weights import perturb_weights

_ULPS = (1, MARGIN, 1, MARGIN)
"""By how many ulps each draw moves every weight, up or down."""

_SHARES = (0.0, 1.0, 0.5, 0.5)
"""How many of the ReLUs within rounding of their kink pass their gradient in each draw."""


def sensitivity(case: Case, precision: Precision) -> Measured:
    """How far rounding of `precision` moves what the reference computes.

    The largest change over a few draws, per array; for losses per step, never falling. Some draws
    move all weights by one unit, and their changes count `MARGIN` times; others move them all the
    way. In float32, where some unit always lies within rounding of a ReLU's kink, further draws
    let the gradients of such units pass or not; their changes come on top.
    """
    case = replace(case, chaotic=False)
    # Only free runs are judged by a float64 unit, and only they are not by a float32 one.
    computed = free_run if precision == "float64" else partial(measure, precision="float64")
    unmoved = dict(computed(TRUTH, case, arrays=case.arrays()))
    changes = _largest_changes(unmoved, _moved_draws(case, precision, computed))
    if precision == "float32":
        for name, change in _largest_changes(unmoved, _undecided_draws(case, computed)).items():
            changes[name] = changes[name] + change
    yield from changes.items()


def _largest_changes(unmoved: Record, draws: Iterator[tuple[float, Measured]]) -> Record:
    changes: Record = {}
    for factor, draw in draws:
        for name, array in draw:
            change = np.abs(array - unmoved[name]) * factor
            if name.endswith("/losses"):
                change = np.maximum.accumulate(change)
            else:
                change = np.array(change.max())
            changes[name] = np.maximum(change, changes.get(name, 0.0))
    return changes


def _moved_draws(
    case: Case, precision: Precision, computed: Any
) -> Iterator[tuple[float, Measured]]:
    """What networks with moved weights compute, and how often their change counts."""
    for draw, ulps in enumerate(_ULPS):
        moved = perturb_weights(case.spec, case.arrays(), draw, ulps, precision)
        yield MARGIN / ulps, computed(TRUTH, case, arrays=moved)


def _undecided_draws(case: Case, computed: Any) -> Iterator[tuple[float, Measured]]:
    """What becomes of the reference when ReLUs near their kink pass or do not."""
    for draw, share in enumerate(_SHARES):
        yield 1.0, computed(undecided(draw, share), case, arrays=case.arrays())


def undecided(draw: int, share: float) -> Subject:
    """The reference with a `share` of the ReLUs near their kink passing their gradient.

    Near is within the float32 tolerance of outputs: there a backend may be on either side.
    """
    stream = np.random.default_rng([5, draw])

    def passes(x: NDArray[np.float64]) -> NDArray[np.bool_]:
        near = np.abs(x) <= FLOAT32_OUTPUTS * np.abs(x).max(initial=0.0)
        return np.where(near, stream.random(x.shape) < share, x > 0)

    def create(name_or_spec: str | AnyNetSpec, seed: int = 0) -> reference.Network:
        return replace(reference.create(name_or_spec, seed), passes=passes)

    parts = ("Learner", "get_weights", "set_weights", "layer_outputs")
    same = {name: getattr(reference, name) for name in parts}
    return cast(Subject, SimpleNamespace(create=create, **same))
