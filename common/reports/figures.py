"""The pictures of a study."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from common.figures import new_figure
from common.studies import Result, design
from common.studies.statistics import Agreement, ConfidenceInterval, band, distribution, good_range

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BySpace = Mapping[str, Sequence[Result]]
"""The complete networks of each space."""

_WIDTH: Final = 3.1
"""Inches of a small panel."""

_BANDS: Final = 4
"""Most distributions in one figure that are drawn with their bands."""

_SHOWN: Final = 3
"""Best and worst networks whose curves and profiles are drawn."""


def draw_distributions(spaces: BySpace) -> "Figure":
    """Distribution functions of the error in percent (paper, figure 5), few of them with bands."""
    figure, axes = _figure(1, 1, 6.2, 4.2)
    for name, results in spaces.items():
        errors = np.array([result.error for result in results])
        grid = np.unique(np.concatenate([errors, [errors.min() - 1e-9]]))
        style = _style(spaces, name)
        label = f"{name}, {len(errors)} networks, mean {errors.mean():.1%}"
        axes[0].step(grid * 100, distribution(errors, grid), where="post", label=label, **style)
        if len(spaces) <= _BANDS:
            low, high = band(errors, grid)
            axes[0].fill_between(
                grid * 100, low, high, step="post", color=style["color"], alpha=0.15, lw=0
            )
    axes[0].set(
        xlabel="validation error in percent", ylabel="cumulative share of networks", ylim=(0, 1.02)
    )
    axes[0].legend(fontsize=8, loc="lower right")
    return figure


def draw_scatter(spaces: BySpace) -> "Figure":
    """Error against every number of the design and every complexity; the range of good ones."""
    columns = _columns(spaces)
    rows = -(-len(columns) // 4)
    figure, axes = _figure(rows, min(4, len(columns)), _WIDTH * 4, _WIDTH * 0.9 * rows)
    from matplotlib.ticker import EngFormatter

    for panel, (name, values) in zip(axes, columns.items(), strict=False):
        for space, results in spaces.items():
            errors = [100 * (result.error or 0) for result in results]
            if space in values:
                panel.scatter(values[space], errors, s=9, alpha=0.6, lw=0,
                              color=_style(spaces, space)["color"],
                    marker="os^"[list(spaces).index(space) // 10 % 3], label=space)  # fmt: skip
        x = np.concatenate([values[space] for space in values])
        y = np.concatenate([[r.error for r in spaces[space]] for space in values])
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
    for panel, (name, results) in zip(axes, spaces.items(), strict=False):
        for colour, group in (("C0", _best(results)), ("C3", _worst(results))):
            for result in group:
                epochs = np.arange(1, len(result.errors) + 1)
                panel.plot(epochs, 100 * np.array(result.errors), color=colour, marker="o", ms=3)
        panel.set_title(name, fontsize=9)
        panel.xaxis.get_major_locator().set_params(integer=True)
    return figure


def draw_profiles(spaces: BySpace) -> "Figure":
    """Width of every block of the best and the worst networks of each space (paper, figure 8)."""
    figure, axes = _panels(spaces, "width in channels", "block")
    for panel, (name, results) in zip(axes, spaces.items(), strict=False):
        for colour, group in (("C0", _best(results)), ("C3", _worst(results))):
            for result in group:
                stages = result.network.spec.stages
                widths = np.repeat([s.channels for s in stages], [s.depth for s in stages])
                edges = np.arange(len(widths) + 1)
                panel.stairs(widths, edges, color=colour, alpha=0.8)
        panel.set_title(name, fontsize=9)
    return figure


def draw_importances(table: Mapping[str, Mapping[str, float]]) -> "Figure":
    """Share of each design number in being good, by space."""
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
    """How well the ranking after few epochs is that after all."""
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


def good_ranges(spaces: BySpace) -> dict[str, dict[str, ConfidenceInterval]]:
    """The range of good networks by space and design number."""
    found: dict[str, dict[str, ConfidenceInterval]] = {}
    for name, values in _columns(spaces).items():
        for space, column in values.items():
            errors = [result.error or 0.0 for result in spaces[space]]
            found.setdefault(space, {})[name] = good_range(column, errors)
    return found


def _columns(spaces: BySpace) -> dict[str, dict[str, list[float]]]:
    """The numbers of networks by name and space."""
    columns: dict[str, dict[str, list[float]]] = {}
    for space, results in spaces.items():
        for result in results:
            numbers = {
                **design(result.network.spec),
                "flops": result.flops,
                "params": result.params,
                "activations": result.activations,
            }
            for name, value in numbers.items():
                columns.setdefault(name, {}).setdefault(space, []).append(value)
    return columns


def _best(results: Sequence[Result]) -> list[Result]:
    return sorted(results, key=_error)[:_SHOWN]


def _worst(results: Sequence[Result]) -> list[Result]:
    return sorted(results, key=_error)[-_SHOWN:]


def _error(result: Result) -> float:
    return 1.0 if result.error is None else result.error


def _style(spaces: BySpace, name: str) -> dict[str, str]:
    """Colour and dashes of a space's line: ten of each."""
    number = list(spaces).index(name)
    return {"color": f"C{number % 10}", "ls": ("-", "--", ":")[number // 10 % 3]}


def _panels(spaces: BySpace, y: str, x: str) -> "tuple[Figure, list[Any]]":
    """A panel for each space with axes of one range: blue lines are best, red ones worst."""
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
