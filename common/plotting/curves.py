"""Learning curves: losses and accuracy against epoch, as in the chapter."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common.plotting.figure import new_figure, save_figure, to_png, warn_of_figure
from common.plotting.palette import BEHIND, line

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Row = Mapping[str, Any]
"""A row of a run's record; rows of `kind` "interval" and "epoch" have numbers to draw."""

Rows = Sequence[Row]

_LOSSES = ("interval", "loss", "train loss in nats, mean per interval")
_ACCURACIES = ("epoch", "val_accuracy", "validation accuracy")


def draw_curves(rows: Rows, title: str = "") -> "Figure":
    """Training and validation loss, and beside them both accuracies.

    Of training there is a point per interval, of validation one per epoch.
    """
    figure = new_figure(figsize=(9, 3.6), layout="constrained")
    losses, accuracies = figure.subplots(1, 2)
    for axes, value, label in (
        (losses, "loss", "cross-entropy in nats"),
        (accuracies, "accuracy", "accuracy"),
    ):
        _line(axes, rows, "interval", value, "training", **line(0))
        _line(axes, rows, "epoch", f"val_{value}", "validation", marker="o", **line(1))
        axes.set(xlabel="epoch", ylabel=label)
        axes.set_xlim(left=0)
        axes.grid(alpha=0.3)
    losses.set_ylim(bottom=0)
    accuracies.legend(loc="lower right")
    if title:
        figure.suptitle(title, parse_math=False)
    return figure


def draw_comparison(runs: Mapping[str, Rows], band: Sequence[Rows] = ()) -> "Figure":
    """Training loss per interval of several runs, by name, and validation accuracy per epoch.

    The accuracy is left out when no run has two epochs. `band` holds reruns of the first run; the
    shaded area around it is as wide as their largest relative deviation so far.
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
            width = max(1.2, 3.0 - 0.6 * number)  # lines that coincide stay visible
            _line(axes, rows, kind, value, name, lw=width, **line(number))
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


def save_curves(rows: Rows, path: str | Path, title: str = "") -> None:
    """Draw the curves of one run into a file, as `save_figure` does."""
    save_figure(draw_curves(rows, title), path)


class LiveFigure:
    """A callback of training that redraws the curves of a run below a notebook's cell."""

    def __init__(self) -> None:
        self._rows: list[Row] = []
        self._handle: Any = None
        self._failed = False

    def on_step(self, step: int) -> None:
        """Nothing to draw for a single step."""

    def on_log(self, row: Row) -> None:
        """Redraw with the new row. After a failure nothing is drawn again; training goes on."""
        self._rows.append(row)
        if row["kind"] not in ("interval", "epoch") or self._failed:
            return
        try:
            self._redraw()
        except Exception as error:  # whatever Matplotlib and the notebook raise
            self._failed = True
            warn_of_figure("the curves", error)

    def close(self) -> None:
        """The last figure stays in the notebook."""

    def _redraw(self) -> None:
        from IPython.display import Image, display

        picture = Image(to_png(draw_curves(self._rows)))
        if self._handle is None:
            self._handle = display(picture, display_id=True)
        else:
            self._handle.update(picture)


def rerun_band(
    first: Rows, reruns: Sequence[Rows], kind: str, value: str
) -> tuple[list[float], list[float], list[float]]:
    """Epochs, and the ends of a band around a run that its reruns stay within.

    The band is as wide as the largest relative deviation of any rerun up to each epoch.
    """
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
    return epochs, lowest, highest


def _shade(axes: Any, first: Rows, reruns: Sequence[Rows], kind: str, value: str) -> None:
    """Shade around a run the largest relative deviation of its reruns up to each epoch."""
    epochs, lowest, highest = rerun_band(first, reruns, kind, value)
    label = f"as far as {len(reruns)} reruns of the first get from it"
    axes.fill_between(epochs, lowest, highest, label=label, **BEHIND)


def _line(axes: Any, rows: Rows, kind: str, value: str, label: str, **style: Any) -> None:
    chosen = [row for row in rows if row["kind"] == kind]
    epochs = [row["epoch"] for row in chosen]
    axes.plot(epochs, [row[value] for row in chosen], label=label, markersize=4, **style)
