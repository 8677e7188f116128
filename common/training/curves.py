"""The picture of a run: losses and accuracy against epoch, as in the chapter."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from common.files import replacing
from common.training.records import Row

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_curves(rows: list[Row], title: str = "") -> "Figure":
    """Training loss per interval, validation loss and accuracy per epoch."""
    from matplotlib.figure import Figure

    intervals = [row for row in rows if row["kind"] == "interval"]
    epochs = [row for row in rows if row["kind"] == "epoch"]
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    _line(axes, intervals, "epoch", "loss", "C0", "-", "train loss", "")
    _line(axes, epochs, "epoch", "val_loss", "C1", "--", "validation loss", "o")
    _line(axes, epochs, "epoch", "val_accuracy", "C2", "-.", "validation accuracy", "s")
    axes.set(xlabel="epoch", title=title)
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend()
    return figure


def save_curves(rows: list[Row], path: str | Path, title: str = "") -> None:
    """Write the picture, in the format that the name's ending says, whole or not at all."""
    with replacing(path) as temporary:
        draw_curves(rows, title).savefig(temporary, dpi=150)


def in_notebook() -> bool:
    """Whether this process is a Jupyter kernel, which can show a figure."""
    try:
        from IPython import get_ipython
    except ImportError:
        return False
    shell = get_ipython()
    return shell is not None and hasattr(shell, "kernel")


class LiveFigure:
    """The picture of a run in a notebook, redrawn as the record grows."""

    def __init__(self) -> None:
        self._rows: list[Row] = []
        self._handle: Any = None

    def advance(self, step: int) -> None:
        """Nothing to draw for a single step."""

    def record(self, row: Row) -> None:
        """Redraw with the new row."""
        from IPython.display import display

        self._rows.append(row)
        if row["kind"] not in ("interval", "epoch"):
            return
        figure = draw_curves(self._rows)
        if self._handle is None:
            self._handle = display(figure, display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._handle.update(figure)

    def close(self) -> None:
        """The last figure stays in the notebook."""


def _line(
    axes: Any, rows: list[Row], x: str, y: str, colour: str, style: str, label: str, marker: str
) -> None:
    xs, ys = [row[x] for row in rows], [row[y] for row in rows]
    axes.plot(xs, ys, style, color=colour, label=label, marker=marker, markersize=4)
