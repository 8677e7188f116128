"""Weights without a framework: the initial draw, and files checked against the plan."""

from common.weights.checks import (
    MOMENTUM,
    OWN,
    Found,
    expected_shapes,
    fit_arrays,
    fit_state,
    is_weight,
    split_state,
)
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
from common.weights.networks import (
    classes_of,
    described_by,
    no_network,
    no_weights,
    spec_of,
    taken_images,
)

__all__ = [
    "MOMENTUM",
    "OWN",
    "Arrays",
    "Found",
    "Init",
    "State",
    "check_arrays",
    "classes_of",
    "described_by",
    "expected_shapes",
    "fit_arrays",
    "fit_state",
    "fold_batch_norms",
    "initial_weights",
    "is_weight",
    "load_spec",
    "load_state",
    "load_weights",
    "moved_weights",
    "new_head",
    "no_network",
    "no_weights",
    "read_contents",
    "save_state",
    "save_weights",
    "spec_of",
    "split_state",
    "taken_images",
]
