"""Figures that need no window: Matplotlib without the backend that the environment names."""

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def new_figure(**options: Any) -> "Figure":
    """A figure that only files are made from.

    Importing Matplotlib fails where `$MPLBACKEND` names no backend. No figure here needs one, so
    it is imported without, and gets the one that is named where there is such a backend.
    """
    if "matplotlib" not in sys.modules:
        _import_matplotlib()
    from matplotlib.figure import Figure

    return Figure(**options)


def _import_matplotlib() -> None:
    named = os.environ.pop("MPLBACKEND", None)
    try:
        import matplotlib
    finally:
        if named is not None:
            os.environ["MPLBACKEND"] = named
    if named:
        with suppress(ValueError):
            matplotlib.rcParams["backend"] = named
