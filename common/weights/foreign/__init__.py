"""Checkpoints of other libraries, imported as canonical arrays and exported."""

from common.weights.foreign.files import INDEX_SUFFIX, SUFFIXES, is_own, model_in
from common.weights.foreign.layouts import LAYOUTS
from common.weights.foreign.transfer import (
    ForeignCheckpoint,
    export_weights,
    foreign_names,
    import_weights,
    load_or_import,
    read_foreign,
)

__all__ = [
    "INDEX_SUFFIX",
    "LAYOUTS",
    "SUFFIXES",
    "ForeignCheckpoint",
    "export_weights",
    "foreign_names",
    "import_weights",
    "is_own",
    "load_or_import",
    "model_in",
    "read_foreign",
]
