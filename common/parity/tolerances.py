"""How closely results must agree, and why not closer.

In float64 every quantity has a fixed relative tolerance. In float32 only outputs have one: whether
a gradient agrees depends on the network, not on the backend, since moving the weights by one
ulp already moves some gradients by percents (a unit that lies within rounding of a
ReLU's kink passes its gradient or does not). There, and for free runs at the chapter's rate, a
backend may be as far from the reference as ten ulps in every weight, and the ReLUs that
rounding may turn, move the reference itself (`sensitivity.py`). With both, the largest gradient
error of RegNetX32 in PyTorch, 8.7e-2, is explained to the last percent: it is one such ReLU.
"""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

_DERIVATIVES = ("gradient", "second derivative")

MARGIN = 10
"""How many ulps a backend may be away from the reference."""

FLOAT64 = {
    "eval outputs": 1e-12,
    "train outputs": 1e-12,
    "gradient": 1e-10,
    "second derivative": 1e-10,
    "statistics": 1e-12,
    "step 1": 1e-12,
    "restarted step": 1e-12,
    "steps": 1e-9,
    "step": 1e-9,
}
"""Largest error relative to an array's largest element, by the words in the quantity's name.

A second derivative sums products of first ones, whose rounding errors a batch norm over few
positions enlarges once more. One that takes statistics for constants is off by a tenth or more.
"""

FLOAT32_OUTPUTS = 1e-5
"""The same for outputs in float32; layers before the logits may also move as their inputs do."""

FLOAT32_ZERO = 1e-4
"""Largest gradient, relative to its weight's, of a bias in front of a batch norm in float32.

Its true gradient is zero; what is left are the rounding errors of a sum over all positions, at
most 2.7e-5 where they were measured. A bias that had a gradient would have one of its weight's
size.
"""

FLOAT32_FLOORS = {"gradient": 1e-4, "statistics": 1e-5, "step": 1e-3}
"""Relative errors in float32 below which nothing fails, by the words in the quantity's name.

The reference's own change is no measure where its weights hardly matter: the mean over the images
that is the gradient of the last bias, or the statistics of the first layers, differ by the rounding
of a sum, at most 5e-6 where they were measured. The gradient of a batch norm's bias is a sum over
all positions, whose rounding errors were up to 1.3e-5 in MXNet. Over 20 steps backends round 20
times, which the reference does not, and differed by up to 2e-4.
"""

ROUNDING = {"float32": 2.0**-24, "float64": 2.0**-53}
"""Largest relative error of rounding a number once."""


def scale(quantity: str, array: str, values: Mapping[str, NDArray[Any]]) -> float:
    """Size of an array's elements, to which its error is relative.

    The bias of a layer in front of a batch norm has a true gradient of zero: the size is then that
    of its weight's gradient. Restarted steps are relative already. `values` are all arrays of the
    quantity.
    """
    if quantity.startswith("restarted"):
        return 1.0
    weight = zero_gradient(quantity, array, values)
    return _largest(values[array] if weight is None else weight)


def zero_gradient(
    quantity: str, array: str, values: Mapping[str, NDArray[Any]]
) -> NDArray[Any] | None:
    """For the gradient of a bias in front of a batch norm that of its weight, else nothing."""
    layer, _, kind = array.rpartition(".")
    norm = re.sub(r"\b(conv|fc)(?=\d*$)", "bn", layer)
    if quantity not in _DERIVATIVES or kind != "bias":
        return None
    if layer == norm or f"{norm}.bias" not in values:
        return None
    return values[f"{layer}.weight"]


def allowed(
    precision: str,
    quantity: str,
    array: str,
    values: Mapping[str, NDArray[Any]],
    change: NDArray[Any] | None,
) -> NDArray[Any]:
    """Largest absolute error of an array, given its change by `MARGIN` ulps."""
    if quantity == "shapes":
        return np.asarray(0.5)
    size = scale(quantity, array, values)
    rounding = MARGIN * ROUNDING[precision] * size
    band = np.maximum(0.0 if change is None else change, rounding)
    if quantity == "free run":
        return np.asarray(band)
    if precision == "float64":
        relative = next(value for words, value in FLOAT64.items() if words in quantity)
        return np.asarray(relative * size)
    if zero_gradient(quantity, array, values) is not None:
        return np.asarray(FLOAT32_ZERO * size)
    if quantity.endswith("outputs"):
        fixed = FLOAT32_OUTPUTS * size
        return np.asarray(fixed if array == "head.fc" else np.maximum(fixed, band))
    floor = next(value for words, value in FLOAT32_FLOORS.items() if words in quantity)
    return np.asarray(np.maximum(band, floor * size))


def _largest(array: NDArray[Any]) -> float:
    return float(np.abs(array).max(initial=0.0))
