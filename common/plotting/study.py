"""Populations of trained networks: error distributions (EDF), scatter plots, best and worst."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import ArrayLike

from common.plotting.figure import new_figure
from common.plotting.palette import BEST, DASHES, GREY, WORST, area, line, points
from common.statistics import Agreement, band, distribution, good_range, weighted_distribution

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_WIDTH: Final = 3.1
"""Width of a small panel in inches."""

_MAX_TOGETHER: Final = 4
"""More distributions get a panel each."""

_COLUMNS: Final = 3
"""Maximum number of panels side by side."""

_SHOWN: Final = 3
"""Number of best, and of worst, networks whose curves and profiles are drawn."""

_ERROR: Final = "validation error in percent"
_SHARE: Final = "cumulative share of networks"
_EXTREMES: Final = "best networks in solid blue, worst in dashed orange"


@dataclass(frozen=True)
class TrainedNetwork:
    """What the figures show of a network.

    `error` is the final validation error (1 if training diverged), `errors` those after each
    epoch, `widths` the channels of every block; `numbers` are its design parameters and costs.
    """

    error: float
    errors: Sequence[float]
    widths: Sequence[int]
    numbers: Mapping[str, float]


BySpace = Mapping[str, Sequence[TrainedNetwork]]
"""The networks of each space."""


def draw_edf(
    spaces: Mapping[str, Sequence[float]], others: Mapping[str, Sequence[float]] | None = None
) -> "Figure":
    """The EDF of each space's errors, in percent, with its 95 % bootstrap band (paper, figure 5).

    Up to four are drawn together, in front of those of `others` in grey. More have a panel each, in
    front of all of them in grey.
    """
    if len(spaces) > _MAX_TOGETHER:
        return _draw_edf_panels(spaces)
    figure, axes = _figure(1, 1, 6.2, 4.2)
    _distributions(axes[0], spaces, others or {})
    axes[0].set(xlabel=_ERROR, ylabel=_SHARE)
    axes[0].legend(fontsize=8, loc="lower right")
    return figure


def draw_pairs(spaces: Mapping[str, Sequence[float]], pairs: Sequence[tuple[str, str]]) -> "Figure":
    """A panel per pair of spaces with their EDFs, in front of those of all spaces in grey."""
    columns = min(3, len(pairs))
    rows = -(-len(pairs) // columns)
    figure, axes = _figure(rows, columns, 3.6 * columns, 2.9 * rows, shared=True)
    for number, panel in enumerate(axes):
        if number >= len(pairs):
            panel.remove()
            continue
        _distributions(panel, {name: spaces[name] for name in pairs[number]}, spaces)
        panel.set(xlabel=_ERROR, ylabel="share of networks" if number % columns == 0 else "")
        panel.tick_params(labelbottom=True)
        panel.legend(fontsize=7, loc="lower right")
    return figure


def _draw_edf_panels(spaces: Mapping[str, Sequence[float]]) -> "Figure":
    figure, panels = _panels(spaces, _SHARE, _ERROR)
    for panel, (name, values) in zip(panels, spaces.items(), strict=False):
        _distributions(panel, {name: values}, spaces)
        panel.set_title(f"{name}, mean {np.mean(values):.1%}", fontsize=9)
    figure.suptitle("each space in blue, all others in grey", fontsize=9)
    return figure


def _distributions(
    axes: Any, spaces: Mapping[str, Sequence[float]], others: Mapping[str, Sequence[float]]
) -> None:
    """Draw the EDFs of `spaces` with their bands, in front of those of `others` in grey."""
    for values in others.values():
        _step(axes, values, color=GREY, lw=0.7, alpha=0.6)
    for number, (name, values) in enumerate(spaces.items()):
        label = f"{name}, {len(values)} networks, mean {np.mean(values):.1%}"
        _step(axes, values, with_band=True, label=label, lw=2, **line(number))
    axes.set_ylim(0, 1.02)


def _step(axes: Any, values: Sequence[float], with_band: bool = False, **style: Any) -> None:
    """The EDF of errors, in percent."""
    errors = np.array(values)
    grid = np.unique(np.concatenate([errors, [errors.min() - 1e-9]]))  # and just below the first
    axes.step(grid * 100, distribution(errors, grid), where="post", **style)
    if with_band:
        low, high = band(errors, grid)
        axes.fill_between(grid * 100, low, high, step="post", color=style["color"], alpha=0.2, lw=0)


def draw_normalised(
    spaces: Mapping[str, Sequence[float]], weights: Mapping[str, Mapping[str, ArrayLike]]
) -> "Figure":
    """The normalised EDF of each space, with weights (n,) by cost and space, a panel per cost."""
    figure, axes = _figure(1, len(weights), _WIDTH * len(weights), _WIDTH)
    for panel, (cost, by_space) in zip(axes, weights.items(), strict=True):
        for number, (name, values) in enumerate(spaces.items()):
            grid = np.unique(np.concatenate([values, [min(values) - 1e-9]]))
            shares = weighted_distribution(values, by_space[name], grid)
            panel.step(grid * 100, shares, where="post", label=name, **line(number))
        panel.set(xlabel=_ERROR, ylim=(0, 1.02))
        panel.set_title(f"at equal {cost}", fontsize=9)
    axes[0].set_ylabel("weighted share of networks")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=8)
    return figure


def draw_scatter(spaces: BySpace) -> "Figure":
    """Error against every design parameter and cost, with the range of good networks shaded."""
    columns = by_number(spaces)
    rows = -(-len(columns) // _COLUMNS)
    size = _WIDTH * _COLUMNS, _WIDTH * 0.9 * rows
    figure, axes = _figure(rows, min(_COLUMNS, len(columns)), *size)
    from matplotlib.ticker import EngFormatter

    for panel, (name, values) in zip(axes, columns.items(), strict=False):
        for number, (space, networks) in enumerate(spaces.items()):
            errors = [100 * network.error for network in networks]
            if space in values:
                panel.scatter(
                    values[space], errors, s=11, alpha=0.6, lw=0, label=space, **points(number)
                )
        x = np.concatenate([values[space] for space in values])
        y = np.concatenate([[network.error for network in spaces[space]] for space in values])
        good = good_range(x, y)
        panel.axvspan(good.low, good.high, color=GREY, alpha=0.15, lw=0)
        panel.axvline(good.middle, color=GREY, lw=1, ls=":")
        if name in ("params", "flops", "activations"):
            panel.xaxis.set_major_formatter(EngFormatter(sep=""))
        panel.set(xlabel=name, ylabel="error in percent")
    for panel in axes[len(columns) :]:
        panel.remove()
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside lower center", ncols=_COLUMNS, fontsize=8, markerscale=2
    )
    return figure


def draw_extremes(spaces: BySpace) -> "Figure":
    """Validation error after each epoch of the best and the worst networks of each space."""
    figure, axes = _panels(spaces, "error in percent", "epoch")
    for panel, (name, networks) in zip(axes, spaces.items(), strict=False):
        for style, network in _extremes(networks):
            epochs = np.arange(1, len(network.errors) + 1)
            panel.plot(epochs, 100 * np.array(network.errors), marker="o", ms=3, **style)
        panel.set_title(name, fontsize=9)
        panel.xaxis.get_major_locator().set_params(integer=True)
    figure.suptitle(_EXTREMES, fontsize=9)
    return figure


def draw_profiles(spaces: BySpace) -> "Figure":
    """Width of every block of the best and the worst networks of each space (paper, figure 8)."""
    figure, axes = _panels(spaces, "width in channels", "block")
    for panel, (name, networks) in zip(axes, spaces.items(), strict=False):
        for style, network in _extremes(networks):
            edges = np.arange(len(network.widths) + 1)
            panel.stairs(network.widths, edges, alpha=0.8, **style)
        panel.set_title(name, fontsize=9)
    figure.suptitle(_EXTREMES, fontsize=9)
    return figure


def draw_importances(table: Mapping[str, Mapping[str, float]]) -> "Figure":
    """The importance of each design parameter for the error, by space (PED-ANOVA)."""
    names = list(dict.fromkeys(name for shares in table.values() for name in shares))
    figure, axes = _figure(1, 1, 6.2, 0.8 + 0.32 * len(table))
    left = np.zeros(len(table))
    for number, name in enumerate(names):
        shares = np.array([shares.get(name, 0.0) for shares in table.values()])
        edge = axes[0].get_facecolor()
        axes[0].barh(list(table), shares, left=left, label=name, ec=edge, **area(number))
        left += shares
    axes[0].invert_yaxis()
    axes[0].set_axisbelow(True)
    axes[0].set(xlabel="share of importance (PED-ANOVA)", xlim=(0, 1))
    figure.legend(loc="outside upper center", ncols=_COLUMNS, fontsize=8)
    return figure


def draw_agreement(agreements: Sequence[Agreement]) -> "Figure":
    """How well the ranking of networks after few epochs predicts the final one."""
    figure, axes = _figure(1, 1, 4.6, 3.2)
    epochs = [one.epoch for one in agreements]
    for number, (label, values) in enumerate(
        {
            "Spearman": [one.spearman for one in agreements],
            "Kendall": [one.kendall for one in agreements],
            "best quarter kept by halving": [one.kept for one in agreements],
        }.items()
    ):
        axes[0].plot(epochs, values, label=label, **points(number), ls=DASHES[number])
    axes[0].set(xlabel="epochs of training", ylabel="agreement with the last epoch", ylim=(0, 1.02))
    axes[0].xaxis.get_major_locator().set_params(integer=True)
    axes[0].legend(fontsize=8)
    return figure


def by_number(spaces: BySpace) -> dict[str, dict[str, list[float]]]:
    """The values of each design parameter and cost, by its name and by space."""
    columns: dict[str, dict[str, list[float]]] = {}
    for space, networks in spaces.items():
        for network in networks:
            for name, value in network.numbers.items():
                columns.setdefault(name, {}).setdefault(space, []).append(value)
    return columns


def _extremes(
    networks: Sequence[TrainedNetwork],
) -> Iterable[tuple[Mapping[str, Any], TrainedNetwork]]:
    """The best networks with the style of their lines, then the worst."""
    ordered = sorted(networks, key=lambda network: network.error)
    yield from ((BEST, network) for network in ordered[:_SHOWN])
    yield from ((WORST, network) for network in ordered[-_SHOWN:])


def _panels(spaces: Mapping[str, object], y: str, x: str) -> "tuple[Figure, list[Any]]":
    """A panel for each space, all with the same axis limits."""
    rows = -(-len(spaces) // _COLUMNS)
    columns = -(-len(spaces) // rows)  # rows of about equal length
    figure, axes = _figure(rows, columns, _WIDTH * columns, 0.4 + _WIDTH * 0.8 * rows, shared=True)
    for number, panel in enumerate(axes):
        if number >= len(spaces):
            panel.remove()
        panel.set(xlabel=x, ylabel=y if number % columns == 0 else "")
        panel.tick_params(labelbottom=True)
    return figure, axes


def _figure(
    rows: int, columns: int, width: float, height: float, shared: bool = False
) -> "tuple[Figure, list[Any]]":
    figure = new_figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, sharex=shared, sharey=shared)
    for panel in axes.flat:
        panel.grid(alpha=0.3)
    return figure, list(axes.flat)
