"""The picture of a run: losses and accuracy against epoch, as in the chapter."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common.errors import ConfigError, told
from common.figures import new_figure, to_png
from common.files import replacing
from common.marks import figure_mark
from common.training.records import Row

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LOSSES = ("interval", "loss", "train loss in nats, mean per interval")
_ACCURACIES = ("epoch", "val_accuracy", "validation accuracy")


def draw_curves(rows: list[Row], title: str = "") -> "Figure":
    """Training loss per interval, validation loss and accuracy per epoch."""
    figure = new_figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    _line(axes, rows, "interval", "loss", "train loss", color="C0")
    _line(axes, rows, "epoch", "val_loss", "validation loss", color="C1", ls="--", marker="o")
    _line(
        axes, rows, "epoch", "val_accuracy", "validation accuracy", color="C2", ls="-.", marker="s"
    )
    axes.set(xlabel="epoch", ylabel="cross-entropy in nats, accuracy")
    axes.set_title(title, parse_math=False)
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend()
    return figure


def draw_comparison(runs: Mapping[str, list[Row]], band: Sequence[list[Row]] = ()) -> "Figure":
    """Several runs by name: training loss per interval, and of longer runs accuracy per epoch.

    `band` are reruns of the first run: what is no further from it than they are is shaded.
    """
    panels = [_LOSSES]
    if any(sum(row["kind"] == "epoch" for row in rows) > 1 for rows in runs.values()):
        panels.append(_ACCURACIES)
    figure = new_figure(figsize=(6.5 * len(panels), 4), layout="constrained")
    for panel, axes in zip(panels, figure.subplots(1, len(panels), squeeze=False)[0], strict=True):
        kind, value, label = panel
        if band:
            _shade(axes, next(iter(runs.values())), band, kind, value)
        for number, (name, rows) in enumerate(runs.items()):
            width = max(1.0, 2.5 - 0.5 * number)  # so that equal lines do not hide each other
            _line(axes, rows, kind, value, name, color=f"C{number}", lw=width, alpha=0.8)
        axes.set(xlabel="epoch", ylabel=label)
        axes.set_xlim(left=0)
        axes.grid(alpha=0.3, which="both")
    losses = figure.axes[0]
    losses.set_yscale("log")
    losses.yaxis.set_major_formatter("{x:g}")
    losses.yaxis.set_minor_formatter("{x:.1g}")
    for text in losses.legend().get_texts():
        text.set_parse_math(False)  # names of directories
    return figure


def save_curves(rows: list[Row], path: str | Path, title: str = "") -> None:
    """Write the picture of a run, in the format of the name's ending, whole or not at all."""
    save_figure(draw_curves(rows, title), path)


_NEED_LATEX = {"pgf"}
"""Formats of pictures that only LaTeX can make."""


def save_figure(figure: "Figure", path: str | Path) -> None:
    """Write a figure, in the format of the name's ending, whole or not at all.

    Raises `ConfigError` for an ending that Matplotlib has no format for.
    """
    formats = figure.canvas.get_supported_filetypes().keys() - _NEED_LATEX
    if Path(path).suffix[1:].lower() not in formats:
        raise ConfigError(f"{path}: must end in one of .{', .'.join(sorted(formats))}")
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=150, **figure_mark(path))


def warn_of_picture(what: str, error: Exception) -> None:
    """Say in one line why a picture of a run that goes on, or is done, could not be made."""
    reason = told(error)
    logging.getLogger("anynet").warning("%s could not be drawn: %s", what, reason)


class LiveFigure:
    """The picture of a run in a notebook, redrawn as the record grows."""

    def __init__(self) -> None:
        self._rows: list[Row] = []
        self._handle: Any = None
        self._failed = False

    def on_step(self, step: int) -> None:
        """Nothing to draw for a single step."""

    def on_log(self, row: Row) -> None:
        """Redraw with the new row; a picture that fails is left, for training goes on."""
        self._rows.append(row)
        if row["kind"] not in ("interval", "epoch") or self._failed:
            return
        try:
            self._redraw()
        except Exception as error:  # whatever Matplotlib and the notebook raise
            self._failed = True
            warn_of_picture("the curves", error)

    def close(self) -> None:
        """The last figure stays in the notebook."""

    def _redraw(self) -> None:
        from IPython.display import Image, display

        picture = Image(to_png(draw_curves(self._rows)))
        if self._handle is None:
            self._handle = display(picture, display_id=True)
        else:
            self._handle.update(picture)


def _shade(axes: Any, first: list[Row], reruns: Sequence[list[Row]], kind: str, value: str) -> None:
    """As far around a run as its reruns have been from it, relatively, up to each epoch."""
    center, *others = (
        {row["epoch"]: row[value] for row in rows if row["kind"] == kind}
        for rows in (first, *reruns)
    )
    epochs = sorted(center.keys() & set[float]().union(*others))
    farthest, lowest, highest = 0.0, [], []
    for epoch in epochs:
        distances = (abs(other[epoch] / center[epoch] - 1) for other in others if epoch in other)
        farthest = max(farthest, *distances)
        lowest.append(center[epoch] * (1 - farthest))
        highest.append(center[epoch] * (1 + farthest))
    label = f"as far as {len(reruns)} reruns of the first get from it"
    axes.fill_between(epochs, lowest, highest, color="0.85", lw=1, label=label)


def _line(axes: Any, rows: list[Row], kind: str, value: str, label: str, **style: Any) -> None:
    chosen = [row for row in rows if row["kind"] == kind]
    epochs = [row["epoch"] for row in chosen]
    axes.plot(epochs, [row[value] for row in chosen], label=label, markersize=4, **style)
