"""Weights without a framework: the initial draw, and files checked against the plan."""

from common.weights.checks import MOMENTUM, expected_shapes
from common.weights.files import (
    State,
    check_arrays,
    load_spec,
    load_state,
    load_weights,
    read_contents,
    save_state,
    save_weights,
)
from common.weights.fold import fold_batch_norms
from common.weights.head import new_head
from common.weights.initial import Arrays, Init, initial_weights
from common.weights.moved import moved_weights

__all__ = [
    "MOMENTUM",
    "Arrays",
    "Init",
    "State",
    "check_arrays",
    "expected_shapes",
    "fold_batch_norms",
    "initial_weights",
    "load_spec",
    "load_state",
    "load_weights",
    "moved_weights",
    "new_head",
    "read_contents",
    "save_state",
    "save_weights",
]
