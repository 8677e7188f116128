"""Populations of trained networks: error distributions (EDF), scatter plots, best and worst."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from common.plotting.figure import new_figure
from common.statistics import Agreement, band, distribution, good_range

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_WIDTH: Final = 3.1
"""Width of a small panel in inches."""

_MAX_BANDS: Final = 4
"""Figures with more distributions show no confidence bands."""

_SHOWN: Final = 3
"""Number of best, and of worst, networks whose curves and profiles are drawn."""


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
    """The EDF of each space's errors, in percent (RegNet paper, figure 5).

    Up to four are drawn with their 95 % bootstrap bands, in front of those of `others` in grey.
    """
    figure, axes = _figure(1, 1, 6.2, 4.2)
    _distributions(axes[0], spaces, others or {})
    axes[0].set(xlabel="validation error in percent", ylabel="cumulative share of networks")
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
        panel.set(xlabel="validation error in percent",
                  ylabel="share of networks" if number % columns == 0 else "")  # fmt: skip
        panel.tick_params(labelbottom=True)
        panel.legend(fontsize=7, loc="lower right")
    return figure


def _distributions(
    axes: Any, spaces: Mapping[str, Sequence[float]], others: Mapping[str, Sequence[float]]
) -> None:
    """Draw the EDFs of `spaces` with their bands, in front of those of `others` in grey."""
    for name in others:
        errors = np.array(others[name])
        grid = _corners(errors)
        axes.step(grid * 100, distribution(errors, grid), where="post", color="0.8", lw=0.8)
    for name, values in spaces.items():
        errors = np.array(values)
        grid = _corners(errors)
        style = _style(spaces, name)
        label = f"{name}, {len(errors)} networks, mean {errors.mean():.1%}"
        axes.step(grid * 100, distribution(errors, grid), where="post", label=label, **style)
        if len(spaces) <= _MAX_BANDS:
            low, high = band(errors, grid)
            axes.fill_between(
                grid * 100, low, high, step="post", color=style["color"], alpha=0.15, lw=0
            )
    axes.set_ylim(0, 1.02)


def _corners(errors: NDArray[np.float64]) -> NDArray[np.float64]:
    """The errors at which an EDF steps, and one just below the first."""
    return np.unique(np.concatenate([errors, [errors.min() - 1e-9]]))


def draw_scatter(spaces: BySpace) -> "Figure":
    """Error against every design parameter and cost, with the range of good networks shaded."""
    columns = by_number(spaces)
    rows = -(-len(columns) // 4)
    figure, axes = _figure(rows, min(4, len(columns)), _WIDTH * 4, _WIDTH * 0.9 * rows)
    from matplotlib.ticker import EngFormatter

    for panel, (name, values) in zip(axes, columns.items(), strict=False):
        for space, networks in spaces.items():
            errors = [100 * network.error for network in networks]
            if space in values:
                panel.scatter(values[space], errors, s=9, alpha=0.6, lw=0,
                              color=_style(spaces, space)["color"],
                    marker="os^"[list(spaces).index(space) // 10 % 3], label=space)  # fmt: skip
        x = np.concatenate([values[space] for space in values])
        y = np.concatenate([[network.error for network in spaces[space]] for space in values])
        good = good_range(x, y)
        panel.axvspan(good.low, good.high, color="0.5", alpha=0.12, lw=0)
        panel.axvline(good.middle, color="0.4", lw=1, ls=":")
        if name in ("params", "flops", "activations"):
            panel.xaxis.set_major_formatter(EngFormatter(sep=""))
        panel.set(xlabel=name, ylabel="error in percent")
    for panel in axes[len(columns) :]:
        panel.remove()
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=8)
    return figure


def draw_extremes(spaces: BySpace) -> "Figure":
    """Validation error after each epoch of the best and the worst networks of each space."""
    figure, axes = _panels(spaces, "error in percent", "epoch")
    for panel, (name, networks) in zip(axes, spaces.items(), strict=False):
        for colour, network in _extremes(networks):
            epochs = np.arange(1, len(network.errors) + 1)
            panel.plot(epochs, 100 * np.array(network.errors), color=colour, marker="o", ms=3)
        panel.set_title(name, fontsize=9)
        panel.xaxis.get_major_locator().set_params(integer=True)
    return figure


def draw_profiles(spaces: BySpace) -> "Figure":
    """Width of every block of the best and the worst networks of each space (paper, figure 8)."""
    figure, axes = _panels(spaces, "width in channels", "block")
    for panel, (name, networks) in zip(axes, spaces.items(), strict=False):
        for colour, network in _extremes(networks):
            edges = np.arange(len(network.widths) + 1)
            panel.stairs(network.widths, edges, color=colour, alpha=0.8)
        panel.set_title(name, fontsize=9)
    return figure


def draw_importances(table: Mapping[str, Mapping[str, float]]) -> "Figure":
    """The importance of each design parameter for the error, by space (PED-ANOVA)."""
    names = list(dict.fromkeys(name for shares in table.values() for name in shares))
    figure, axes = _figure(1, 1, 6.2, 0.8 + 0.32 * len(table))
    left = np.zeros(len(table))
    for number, name in enumerate(names):
        shares = np.array([shares.get(name, 0.0) for shares in table.values()])
        axes[0].barh(list(table), shares, left=left, label=name, color=f"C{number}")
        left += shares
    axes[0].invert_yaxis()
    axes[0].set(xlabel="share of importance (PED-ANOVA)", xlim=(0, 1))
    figure.legend(loc="outside upper center", ncols=4, fontsize=8)
    return figure


def draw_agreement(agreements: Sequence[Agreement]) -> "Figure":
    """How well the ranking of networks after few epochs predicts the final one."""
    figure, axes = _figure(1, 1, 4.6, 3.2)
    epochs = [one.epoch for one in agreements]
    axes[0].plot(epochs, [one.spearman for one in agreements], marker="o", label="Spearman")
    axes[0].plot(epochs, [one.kendall for one in agreements], marker="s", label="Kendall")
    axes[0].plot(epochs, [one.kept for one in agreements], marker="^", ls="--",
                 label="best quarter kept by halving")  # fmt: skip
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


def _extremes(networks: Sequence[TrainedNetwork]) -> Iterable[tuple[str, TrainedNetwork]]:
    """The best networks with the colour blue, then the worst with red."""
    ordered = sorted(networks, key=lambda network: network.error)
    yield from (("C0", network) for network in ordered[:_SHOWN])
    yield from (("C3", network) for network in ordered[-_SHOWN:])


def _style(spaces: Mapping[str, object], name: str) -> dict[str, str]:
    """Colour and dashes of a space's line: ten colours, then ten again with other dashes."""
    number = list(spaces).index(name)
    return {"color": f"C{number % 10}", "ls": ("-", "--", ":")[number // 10 % 3]}


def _panels(spaces: BySpace, y: str, x: str) -> "tuple[Figure, list[Any]]":
    """A panel for each space, all with the same axis limits."""
    columns = min(4, len(spaces))
    rows = -(-len(spaces) // columns)
    figure, axes = _figure(rows, columns, _WIDTH * columns, 0.4 + _WIDTH * 0.8 * rows, shared=True)
    for number, panel in enumerate(axes):
        if number >= len(spaces):
            panel.remove()
        panel.set(xlabel=x, ylabel=y if number % columns == 0 else "")
        panel.tick_params(labelbottom=True)
    figure.suptitle("best networks in blue, worst in red", fontsize=9)
    return figure, axes


def _figure(
    rows: int, columns: int, width: float, height: float, shared: bool = False
) -> "tuple[Figure, list[Any]]":
    figure = new_figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, sharex=shared, sharey=shared)
    for panel in axes.flat:
        panel.grid(alpha=0.3)
    return figure, list(axes.flat)
