"""The quantities that are compared, with their tolerances, in the order of computation.

A quantity is a set of arrays that are judged alike, such as the outputs of all layers. To compare
another one, add it here, to `QUANTITIES` too, and yield its arrays in `measure.py`.
"""

import re
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, cast

from numpy.typing import NDArray

from common.errors import DataError, shortened
from common.training import Precision

Kind = Literal[
    "shapes", "outputs", "derivatives", "statistics", "losses", "weights", "weight errors"
]
"""What the arrays of a quantity are, which decides how they are named, ordered and judged:

- `shapes`: the shape of every parameter and running statistic; equal or not.
- `outputs`: of layers, named by the layer; a framework need not expose every layer.
- `derivatives`: of the loss, named by the parameter; computed from the last layer to the first.
- `statistics`: running means and variances.
- `losses`: one array `losses` (steps,), each of whose elements has a bound of its own.
- `weights`: parameters, and after the last step running statistics too.
- `weight errors`: distances from the reference, relative to the array's largest element already.
"""

_NUMBERED = " N"
"""Ending of the name of a quantity that has a number, that of the training step."""


@dataclass(frozen=True)
class Quantity:
    """Arrays that are compared with the same tolerance.

    Errors are relative to the array's largest element, except for shapes. A backend may exceed the
    tolerance where rounding alone moves the reference further: `tolerances.py` has the rule.
    """

    name: str
    """As records, reports and messages show it."""
    kind: Kind
    float64: float
    """Tolerance in float64; 0 where only the sensitivity to rounding bounds the error."""
    float32: float | None = None
    """Tolerance in float32; None for what is compared in float64 only."""
    optional: bool = False
    """Whether a framework may lack the quantity altogether."""

    def tolerance(self, precision: Precision) -> float:
        """The tolerance in float64 or float32; 0 where there is none."""
        return self.float64 if precision == "float64" else self.float32 or 0.0


FLOAT32_OUTPUTS = 1e-5
"""Tolerance of layer outputs in float32."""

# Whole numbers: within one half means equal.
SHAPES = Quantity("shapes", "shapes", float64=0.5, float32=0.5)

# Of every layer in evaluation mode, and in training mode.
EVAL_OUTPUTS = Quantity("eval outputs", "outputs", float64=1e-12, float32=FLOAT32_OUTPUTS)
TRAIN_OUTPUTS = Quantity("train outputs", "outputs", float64=1e-12, float32=FLOAT32_OUTPUTS)

# Of the training loss by every parameter. Some gradients are insensitive to the weights, so
# perturbing these underestimates their error, which is the rounding error of a sum over all
# positions. In float32 that was at most 5e-6 for the bias of the last layer, 1.3e-5 for the bias of
# a batch norm (MXNet), and 2.7e-5, relative to the gradient of its weight, for a bias in front of a
# batch norm, whose true gradient is zero.
GRADIENT = Quantity("gradient", "derivatives", float64=1e-10, float32=1e-4)

# The Hessian of the training loss times a direction: sums of products of first derivatives, whose
# rounding errors are amplified once more by a batch norm over few positions. A batch norm that
# takes batch statistics for constants is off by 0.1 or more.
SECOND_DERIVATIVE = Quantity("second derivative", "derivatives", float64=1e-10, optional=True)

# After one training step. Those of the first layers are insensitive to the weights, too: their
# error was at most 5e-6 in float32.
STATISTICS = Quantity("statistics", "statistics", float64=1e-12, float32=1e-5)

# Training on one batch at a small rate, with two recipes: the losses of all steps, and the weights
# after the first and after the last of N steps. A backend in float32 rounds at every step, which
# the reference does not; after 20 steps backends differed from it by up to 2e-4.
PLAIN_LOSSES = Quantity("plain steps", "losses", float64=1e-9, float32=1e-3)
PLAIN_FIRST = Quantity("plain step 1", "weights", float64=1e-12, float32=1e-3)
PLAIN_LAST = Quantity("plain step N", "weights", float64=1e-9, float32=1e-3)
NESTEROV_LOSSES = Quantity("nesterov steps", "losses", float64=1e-9, float32=1e-3)
NESTEROV_FIRST = Quantity("nesterov step 1", "weights", float64=1e-12, float32=1e-3)
NESTEROV_LAST = Quantity("nesterov step N", "weights", float64=1e-9, float32=1e-3)

# The same with each further option of a step, in one small case.
ADAMW_LOSSES = Quantity("adamw steps", "losses", float64=1e-9, float32=1e-3)
ADAMW_FIRST = Quantity("adamw step 1", "weights", float64=1e-12, float32=1e-3)
ADAMW_LAST = Quantity("adamw step N", "weights", float64=1e-9, float32=1e-3)
CLIPPED_LOSSES = Quantity("clipped steps", "losses", float64=1e-9, float32=1e-3)
CLIPPED_FIRST = Quantity("clipped step 1", "weights", float64=1e-12, float32=1e-3)
CLIPPED_LAST = Quantity("clipped step N", "weights", float64=1e-9, float32=1e-3)
AVERAGED_LOSSES = Quantity("averaged steps", "losses", float64=1e-9, float32=1e-3)
AVERAGED_FIRST = Quantity("averaged step 1", "weights", float64=1e-12, float32=1e-3)
AVERAGED_LAST = Quantity("averaged step N", "weights", float64=1e-9, float32=1e-3)
FROZEN_LOSSES = Quantity("frozen steps", "losses", float64=1e-9, float32=1e-3)
FROZEN_FIRST = Quantity("frozen step 1", "weights", float64=1e-12, float32=1e-3)
FROZEN_LAST = Quantity("frozen step N", "weights", float64=1e-9, float32=1e-3)
SMOOTHED_LOSSES = Quantity("smoothed steps", "losses", float64=1e-9, float32=1e-3)
SMOOTHED_FIRST = Quantity("smoothed step 1", "weights", float64=1e-12, float32=1e-3)
SMOOTHED_LAST = Quantity("smoothed step N", "weights", float64=1e-9, float32=1e-3)
MIXED_LOSSES = Quantity("mixed steps", "losses", float64=1e-9, float32=1e-3)
MIXED_FIRST = Quantity("mixed step 1", "weights", float64=1e-12, float32=1e-3)
MIXED_LAST = Quantity("mixed step N", "weights", float64=1e-9, float32=1e-3)

# Training at the chapter's rate on a new batch at every step: each step N on its own, from the
# reference's weights, and the losses of all steps in sequence. The sequence is chaotic, so only its
# sensitivity to rounding bounds it.
RESTARTED = Quantity("restarted step N", "weight errors", float64=1e-12)
FREE_RUN = Quantity("free run", "losses", float64=0.0)

QUANTITIES = (
    SHAPES, EVAL_OUTPUTS, TRAIN_OUTPUTS, GRADIENT, SECOND_DERIVATIVE, STATISTICS,
    PLAIN_LOSSES, PLAIN_FIRST, PLAIN_LAST, NESTEROV_LOSSES, NESTEROV_FIRST, NESTEROV_LAST,
    ADAMW_LOSSES, ADAMW_FIRST, ADAMW_LAST, CLIPPED_LOSSES, CLIPPED_FIRST, CLIPPED_LAST,
    AVERAGED_LOSSES, AVERAGED_FIRST, AVERAGED_LAST, FROZEN_LOSSES, FROZEN_FIRST, FROZEN_LAST,
    SMOOTHED_LOSSES, SMOOTHED_FIRST, SMOOTHED_LAST, MIXED_LOSSES, MIXED_FIRST, MIXED_LAST,
    RESTARTED, FREE_RUN,
)  # fmt: skip
"""All of them in the order of computation, so the first that disagrees is the place to look."""


class Key(NamedTuple):
    """What names one array of a record."""

    case: str
    precision: Precision
    quantity: Quantity
    array: str
    """A parameter, running statistic or layer by canonical name, or `losses`."""
    step: int = 0
    """The training step of a quantity that has a number, counted from 1."""
    is_change: bool = False
    """Whether the array says how far rounding in `precision` moves the reference's own array."""

    @property
    def label(self) -> str:
        """Name of the quantity with the number of its step, such as `restarted step 3`."""
        number = f" {self.step}" if self.step else ""
        return self.quantity.name.removesuffix(_NUMBERED) + number

    @property
    def layer(self) -> str:
        """Name of the layer whose output or array this is."""
        layer, _, kind = self.array.rpartition(".")
        return layer if kind in ("weight", "bias", "running_mean", "running_var") else self.array

    @property
    def rank(self) -> tuple[int, int]:
        """Place in the order of computation within one case and precision."""
        return QUANTITIES.index(self.quantity), self.step

    def __str__(self) -> str:
        """The name in a file, such as `mlp/float64/gradient/head.fc.bias`."""
        precision = self.precision + (_CHANGE if self.is_change else "")
        return f"{self.case}/{precision}/{self.label}/{self.array}"

    @classmethod
    def parse(cls, name: str) -> "Key":
        """The key whose `str` is `name`. Raises `DataError` when there is none."""
        found = _NAME.fullmatch(name)
        quantity, step = _find(found["label"]) if found else (None, 0)
        if found is None or quantity is None:
            raise DataError(
                "arrays of a parity record must be named CASE/PRECISION/QUANTITY/ARRAY; "
                f"got {shortened(repr(name))}; record the backend again"
            )
        precision = cast(Precision, found["precision"])
        change = found["change"] is not None
        return cls(found["case"], precision, quantity, found["array"], step, change)


Record = dict[Key, NDArray[Any]]
"""Everything that one backend or the reference computed."""

_CHANGE = " change"
_NAME = re.compile(
    rf"(?P<case>[^/]+)/(?P<precision>float64|float32)(?P<change>{_CHANGE})?/"
    r"(?P<label>[^/]+)/(?P<array>[^/]+)"
)


def _find(label: str) -> tuple[Quantity | None, int]:
    """The quantity of a label, and the number of its step or 0."""
    by_name = {quantity.name: quantity for quantity in QUANTITIES}
    words, _, number = label.rpartition(" ")
    if label not in by_name and number.isdecimal():
        return by_name.get(words + _NUMBERED), int(number)
    return by_name.get(label), 0
