"""Checkpoints of other libraries, imported as canonical arrays and exported."""

from common.weights.foreign.files import INDEX_SUFFIX, SUFFIXES, is_own, model_in
from common.weights.foreign.images import ForeignImages
from common.weights.foreign.layouts import LAYOUTS
from common.weights.foreign.start import read_any, starting_weights
from common.weights.foreign.transfer import (
    ForeignCheckpoint,
    describe_images,
    export_weights,
    foreign_names,
    import_weights,
    read_foreign,
)

__all__ = [
    "INDEX_SUFFIX",
    "LAYOUTS",
    "SUFFIXES",
    "ForeignCheckpoint",
    "ForeignImages",
    "describe_images",
    "export_weights",
    "foreign_names",
    "import_weights",
    "is_own",
    "model_in",
    "read_any",
    "read_foreign",
    "starting_weights",
]
