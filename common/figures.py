"""Figures that need no window: Matplotlib without the backend that the environment names."""

import io
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


def in_notebook() -> bool:
    """Whether this process is a Jupyter kernel, which can show a figure."""
    try:
        from IPython import get_ipython
    except ImportError:
        return False
    shell = get_ipython()
    return shell is not None and hasattr(shell, "kernel")


def to_png(figure: "Figure") -> bytes:
    """The picture of a figure."""
    png = io.BytesIO()
    figure.savefig(png)
    return png.getvalue()


def show_in_notebook(figure: "Figure") -> None:
    """Show a figure below the cell of a notebook; nothing elsewhere."""
    if in_notebook():
        from IPython.display import Image, display

        # As an image: a notebook shows figures only after `%matplotlib inline`.
        display(Image(to_png(figure)))


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
