"""Weights without a framework: the initial draw, and files checked against the plan."""

from common.weights.files import check_arrays, expected_shapes, load_weights, save_weights
from common.weights.initial import Arrays, Init, initial_weights

__all__ = [
    "Arrays",
    "Init",
    "check_arrays",
    "expected_shapes",
    "initial_weights",
    "load_weights",
    "save_weights",
]
