"""How closely float32 results must agree, and why not closer."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

TOLERANCES = {
    "eval logits": 1e-5,
    "train logits": 2e-5,
    "losses": 1e-4,
    "step 1 statistics": 1e-5,
    "step 5 statistics": 1e-3,
    "movement": 0.1,
}
"""Largest relative error by ending of the quantity.

Train logits: against float64, PyTorch is within 1.3e-6 on all cases and MXNet within 1.0e-5, since
MXNet's batch-norm kernel adds up a channel one float32 after the other; alone, on 8 x 12 x 12
positions, its error is six times that of the same formula written with `mean`.

Movements: backends round differently, and a unit that lies within rounding of a ReLU's kink then
passes its gradient in one and not in the other. Such a flip moves a gradient by a few percent, in
every framework and against itself too; 5.3e-2 was the largest measured. Without one, movements
agree to 1e-5. Another momentum, rate or gradient moves weights by more.
"""

LEAST_MOVEMENT = 1e-5
"""Movement, relative to the array's norm, below which only rounding moves an array.

The bias of a convolution in front of a batch norm has a true gradient of zero.
"""


def tolerance(quantity: str) -> float:
    """The tolerance of a quantity such as `plain step 1 movement`."""
    return next(value for ending, value in TOLERANCES.items() if quantity.endswith(ending))


def relative_error(quantity: str, ours: NDArray[Any], theirs: NDArray[Any]) -> float:
    """Norm of the difference relative to the larger norm; for logits, largest elements.

    Infinite when shapes differ or anything is not finite.
    """
    if ours.shape != theirs.shape:
        return float("inf")
    order = np.inf if quantity.endswith("logits") else None
    norms = [float(np.linalg.norm(array.ravel(), order)) for array in (ours, theirs, ours - theirs)]
    least = LEAST_MOVEMENT if quantity.endswith("movement") else 1e-30
    error = norms[2] / max(norms[0], norms[1], least)
    return error if np.isfinite(error) else float("inf")
