"""How far a backend may be from the reference.

In float64 every quantity but a free run has a fixed relative tolerance (`quantities.py`). In
float32 a fixed tolerance cannot tell an error from rounding: perturbing the weights by 1 ulp
already changes some gradients by percents, because a unit whose input is within rounding of a
ReLU's kink passes its gradient or does not. So an array may also be as far from the reference as
the reference moves when every weight is perturbed by `MARGIN` ulps, or when such units are switched
(`sensitivity.py`). The same bounds free runs at the chapter's rate, in float64. It explains the
largest gradient error of RegNetX32 in PyTorch, 8.7e-2, to the last percent: a single such unit.
"""

import re

import numpy as np
from numpy.typing import NDArray

from common.parity.quantities import Key, Record

MARGIN = 10
"""Perturbation of the reference, in ulps of each weight, that bounds the error of a backend."""

ROUNDING = {"float32": 2.0**-24, "float64": 2.0**-53}
"""Unit roundoff: the largest relative error of rounding a number once."""


def scale(key: Key, truth: Record) -> float:
    """What the error of an array is relative to: the largest element of the reference's array.

    For the bias of a layer in front of a batch norm, whose true gradient is zero, it is that of the
    gradient of the layer's weight. For shapes, and for errors that are relative already, it is 1.
    `truth` is the reference's record.
    """
    if key.quantity.kind in ("shapes", "weight errors"):
        return 1.0
    weight = _weight_of_normalised_bias(key, truth)
    values = truth[_in_float64(key if weight is None else weight)]
    return float(np.abs(values).max(initial=0.0))


def allowed_error(key: Key, truth: Record) -> NDArray[np.float64]:
    """Largest absolute difference between a backend's array and the reference's.

    A scalar, or for losses (steps,) one element per step. `truth` is the reference's record, with
    the sensitivity of the array where it has one.
    """
    rounding = MARGIN * ROUNDING[key.precision]
    fixed = max(key.quantity.tolerance(key.precision), rounding) * scale(key, truth)
    if key.quantity.kind == "outputs" and key.array == "head.fc":
        return np.asarray(fixed)  # the logits keep the fixed tolerance, in float32 too
    return np.asarray(np.maximum(fixed, truth.get(key._replace(is_change=True), 0.0)))


def _in_float64(key: Key) -> Key:
    """The key of the reference's own array, which is in float64 whatever it is compared in."""
    return key._replace(precision="float64", is_change=False)


def _weight_of_normalised_bias(key: Key, truth: Record) -> Key | None:
    """For the gradient of a bias in front of a batch norm that of its weight, else nothing."""
    layer, _, kind = key.array.rpartition(".")
    norm = re.sub(r"\b(conv|fc)(?=\d*$)", "bn", layer)
    if key.quantity.kind != "derivatives" or kind != "bias" or layer == norm:
        return None
    if _in_float64(key._replace(array=f"{norm}.bias")) not in truth:
        return None
    return key._replace(array=f"{layer}.weight")
