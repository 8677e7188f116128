"""Weights without a framework: initialisation, and files that are checked against the plan."""

from common.weights.checks import (
    AVERAGE,
    MOMENTS,
    MOMENTUM,
    OWN,
    STEPS,
    ArrayInfo,
    expected_shapes,
    fit_arrays,
    part_of,
)
from common.weights.files import (
    State,
    check_arrays,
    load_description,
    load_spec,
    load_state,
    load_weights,
    read_contents,
    save_state,
    save_weights,
)
from common.weights.functions import NetworkFunctions
from common.weights.fuse import fuse_weights
from common.weights.head import new_head
from common.weights.initial import DRAWN, Arrays, Init, initial_weights
from common.weights.networks import (
    checked_batch,
    checked_images,
    classes_of,
    described_by,
    no_network,
    no_weights,
    spec_of,
)
from common.weights.perturb import perturb_weights
from common.weights.state import (
    FittedState,
    averaged_names,
    fit_state,
    is_weight,
    shown_weights,
    split_state,
)

__all__ = [
    "AVERAGE",
    "DRAWN",
    "MOMENTS",
    "MOMENTUM",
    "OWN",
    "STEPS",
    "ArrayInfo",
    "Arrays",
    "FittedState",
    "Init",
    "NetworkFunctions",
    "State",
    "averaged_names",
    "check_arrays",
    "checked_batch",
    "checked_images",
    "classes_of",
    "described_by",
    "expected_shapes",
    "fit_arrays",
    "fit_state",
    "fuse_weights",
    "initial_weights",
    "is_weight",
    "load_description",
    "load_spec",
    "load_state",
    "load_weights",
    "new_head",
    "no_network",
    "no_weights",
    "part_of",
    "perturb_weights",
    "read_contents",
    "save_state",
    "save_weights",
    "shown_weights",
    "spec_of",
    "split_state",
]
