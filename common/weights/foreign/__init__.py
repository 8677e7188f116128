"""Checkpoints of other libraries: into canonical arrays, and back."""

from common.weights.foreign.files import is_own
from common.weights.foreign.layouts import LAYOUTS
from common.weights.foreign.transfer import (
    Foreign,
    export_weights,
    foreign_names,
    import_weights,
    read_foreign,
)

__all__ = [
    "LAYOUTS",
    "Foreign",
    "export_weights",
    "foreign_names",
    "import_weights",
    "is_own",
    "read_foreign",
]
