"""How closely float32 results must agree, and why not closer."""

TOLERANCES = {
    "eval logits": 1e-5,
    "train logits": 1e-5,
    "losses": 1e-5,
    "step 1 statistics": 1e-5,
    "step 5 statistics": 1e-4,
    "weights": 1e-4,
    "momentum": 0.1,
}
"""Largest difference by ending of the quantity, relative to the array's largest element.

Gradients of float32 batch-norm networks are ill-conditioned (a few percent on some arrays, in
every framework), so momentum buffers are only held loosely here.
"""


def tolerance(quantity: str) -> float:
    """The tolerance of a quantity such as `plain step 1 weights`."""
    return next(value for ending, value in TOLERANCES.items() if quantity.endswith(ending))
