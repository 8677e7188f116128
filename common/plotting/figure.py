"""Figures without a window: made, written to a file, shown in a notebook."""

import io
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from common.errors import ConfigError, told
from common.files import replacing
from common.marks import figure_mark

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_NEED_LATEX = {"pgf"}
"""Formats that Matplotlib writes only where LaTeX is installed."""

Scheme = Literal["light", "dark"]
"""The colour scheme of the page that a figure stands on."""

_INK: Final = {"light": "#24292f", "dark": "#e6edf3"}
_PAPER: Final = {"light": "#ffffff", "dark": "#1e2129"}
_IN_INK: Final = ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color")
_IN_PAPER: Final = ("figure.facecolor", "axes.facecolor")


@contextmanager
def colour_scheme(scheme: Scheme) -> Iterator[None]:
    """Figures that are drawn and saved inside have the ink and the background of a page.

    Use it in one thread only: it sets Matplotlib's `rcParams` for a while.
    """
    _import_matplotlib()
    import matplotlib

    colours: dict[Any, str] = dict.fromkeys(_IN_INK, _INK[scheme]) | dict.fromkeys(
        _IN_PAPER, _PAPER[scheme]
    )
    with matplotlib.rc_context(colours):
        yield


def new_figure(**options: Any) -> "Figure":
    """An empty figure with the `options` of Matplotlib's `Figure`; it never opens a window.

    Importing Matplotlib fails when `$MPLBACKEND` names an unknown backend. These figures need no
    backend, so the variable is hidden during the import, and applied afterwards if it is valid.
    """
    _import_matplotlib()
    from matplotlib.figure import Figure

    return Figure(**options)


def _import_matplotlib() -> None:
    if "matplotlib" in sys.modules:
        return
    named = os.environ.pop("MPLBACKEND", None)
    try:
        import matplotlib
    finally:
        if named is not None:
            os.environ["MPLBACKEND"] = named
    if named:
        with suppress(ValueError):
            matplotlib.rcParams["backend"] = named


def save_figure(
    figure: "Figure", path: str | Path, dpi: int = 150, transparent: bool = False
) -> None:
    """Write a figure atomically, in the format of the file's suffix.

    A `transparent` one has no background, where the format allows it. Raises `ConfigError` for a
    suffix that Matplotlib has no format for.
    """
    formats = figure.canvas.get_supported_filetypes().keys() - _NEED_LATEX
    if Path(path).suffix[1:].lower() not in formats:
        raise ConfigError(f"{path}: must end in one of .{', .'.join(sorted(formats))}")
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=dpi, transparent=transparent, **figure_mark(path))


def to_png(figure: "Figure") -> bytes:
    """The content of a PNG file of a figure."""
    png = io.BytesIO()
    figure.savefig(png)
    return png.getvalue()


def in_notebook() -> bool:
    """Whether this process is a Jupyter kernel, which can show a figure."""
    try:
        from IPython import get_ipython
    except ImportError:
        return False
    shell = get_ipython()
    return shell is not None and hasattr(shell, "kernel")


def show_in_notebook(figure: "Figure") -> None:
    """Show a figure below the current cell; does nothing outside a notebook."""
    if in_notebook():
        from IPython.display import Image, display

        # As an image: a notebook shows figures only after `%matplotlib inline`.
        display(Image(to_png(figure)))


def warn_of_figure(what: str, error: Exception) -> None:
    """Log a one-line warning that `what` could not be drawn; the run itself goes on."""
    logging.getLogger("anynet").warning("%s could not be drawn: %s", what, told(error))
