"""Weights without a framework: the initial draw, and files checked against the plan."""

from common.weights.files import check_arrays, expected_shapes, load_weights, save_weights
from common.weights.fold import fold_batch_norms
from common.weights.initial import Arrays, initial_weights

__all__ = [
    "Arrays",
    "check_arrays",
    "expected_shapes",
    "fold_batch_norms",
    "initial_weights",
    "load_weights",
    "save_weights",
]
