"""Backends against the reference: errors by layer, and losses of free runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from common.frameworks import FRAMEWORKS
from common.plotting.figure import new_figure
from common.plotting.palette import BEHIND, line

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_FLOOR = 1e-6
"""Smaller ratios, and ratios above its inverse, are clipped."""

_MIN = 1e-17
"""Smaller differences are drawn here: the axis is logarithmic."""


@dataclass(frozen=True)
class ErrorTable:
    """Errors of one case's layers (rows) in several backends and precisions (columns).

    `ratios` (rows, columns) are errors over their tolerances, NaN where a layer was not observed.
    """

    case: str
    rows: Sequence[str]
    columns: Sequence[str]
    ratios: NDArray[np.float64]


@dataclass(frozen=True)
class FreeRun:
    """How far the losses of each backend are from the reference's in one case, at every step."""

    case: str
    allowed: NDArray[Any]
    differences: Mapping[str, NDArray[Any]]


def draw_errors(table: ErrorTable) -> "Figure":
    """A heat map of the logarithms of the ratios: blue is within the tolerance, red outside."""
    size = (1.5 + 0.45 * len(table.columns), 1.8 + 0.16 * len(table.rows))
    figure = new_figure(figsize=(max(size[0], 6), max(size[1], 3)), layout="constrained")
    axes = figure.subplots()
    from matplotlib.colors import TwoSlopeNorm

    values = np.log10(np.clip(table.ratios, _FLOOR, 1 / _FLOOR))
    norm = TwoSlopeNorm(0, np.log10(_FLOOR), -np.log10(_FLOOR))
    image = axes.imshow(values, cmap="RdBu_r", norm=norm, aspect="auto")
    axes.set_xticks(range(len(table.columns)), table.columns, rotation=90, fontsize=7)
    axes.set_yticks(range(len(table.rows)), table.rows, fontsize=6)
    axes.set_title(f"{table.case}: outputs against the reference", fontsize=9)
    bar = figure.colorbar(image, ax=axes, shrink=0.6)
    bar.set_label("log10 of the error over the tolerance; red fails", fontsize=7)
    return figure


def draw_free_runs(runs: Sequence[FreeRun]) -> "Figure":
    """Differences in loss against the step, above the band of what rounding explains.

    One panel per case; `runs` must not be empty.
    """
    figure = new_figure(figsize=(4.5 * len(runs), 3.6), layout="constrained")
    panels = figure.subplots(1, len(runs), sharey=True, squeeze=False)[0]
    for axes, run in zip(panels, runs, strict=True):
        steps = np.arange(1, len(run.allowed) + 1)
        label = "allowed: ten ulps\nin every weight of the reference"
        axes.fill_between(steps, _MIN, np.maximum(run.allowed, _MIN), label=label, **BEHIND)
        known = [name for name in FRAMEWORKS if name in run.differences]
        for number, name in enumerate([*known, *(run.differences.keys() - FRAMEWORKS.keys())]):
            heights = np.maximum(run.differences[name], _MIN)
            axes.plot(steps, heights, label=name, lw=1.4, **line(number))
        ticks = range(0, len(run.allowed) + 1, 5)
        axes.set(title=run.case, xlabel="step", yscale="log", xticks=ticks)
        axes.title.set_fontsize(9)
        axes.grid(alpha=0.3)
    panels[0].set_ylabel("difference in loss from the reference")
    panels[0].legend(fontsize=7)
    return figure
