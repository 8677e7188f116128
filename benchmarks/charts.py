"""Pictures of a run."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from benchmarks.results import Measurement, Results, unique
from benchmarks.tables import BEST
from benchmarks.targets import gain
from common.backends import FRAMEWORKS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLOURS = {"plain": "0.75", "ours": "C0", "folded": "C2"}
_MARKERS = {"torch": "o", "mx": "s", "tf": "^", "jax": "D"}


def draw(results: Results) -> dict[str, "Figure"]:
    """Every picture that the run has numbers for, by the name of its file."""
    figures = {}
    for section in ("training", "inference"):
        if results.of(section):
            figures[section] = draw_rates(results, section)
    if results.of("memory"):
        figures["memory"] = draw_memory(results)
    if results.of("shapes"):
        figures["shapes"] = draw_shapes(results)
    return figures


def draw_rates(results: Results, section: str) -> "Figure":
    """Images per second by framework, a panel per case; numbers are ratios to plain."""

    def rate(item: Measurement) -> tuple[float, float, float]:
        batch = results.cases[item.case]["batch"]
        fast, slow = (batch / seconds for seconds in item.quartiles)
        return batch / item.median, slow, fast

    best = BEST.get(section, "ours")
    title = f"{section}: images/s, and how many times plain's"
    return _bars(results, results.of(section), rate, title, best, lambda ratio: ratio)


def draw_memory(results: Results) -> "Figure":
    """Peak memory by framework, a panel per case; numbers are ratios to plain."""

    def megabytes(item: Measurement) -> tuple[float, float, float]:
        low, high = (value / 1e6 for value in item.quartiles)
        return item.median / 1e6, low, high

    chosen = [item for item in results.of("memory") if item.case.endswith("later step")]
    title = "peak MB of a training step, and how many times plain's"
    return _bars(results, chosen, megabytes, title, "ours", lambda ratio: 1 / ratio)


def _bars(
    results: Results,
    items: list[Measurement],
    value: Callable[[Measurement], tuple[float, float, float]],
    title: str,
    best: str,
    shown: Callable[[float], float],
) -> "Figure":
    """Groups of bars with their middle half; the form `best` has its ratio to plain above it."""
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    cases, forms = (unique(getattr(item, name) for item in items) for name in ("case", "form"))
    backends = [name for name in FRAMEWORKS if any(item.backend == name for item in items)]
    forms = sorted(forms, key=list(_COLOURS).index)
    figure = Figure(figsize=(5 * len(cases), 3.4), layout="constrained")
    panels = figure.subplots(1, len(cases), squeeze=False)[0]
    width = 0.8 / len(forms)
    for axes, case in zip(panels, cases, strict=True):
        for item in (item for item in items if item.case == case):
            place = backends.index(item.backend) + (forms.index(item.form) + 0.5) * width - 0.4
            middle, low, high = value(item)
            axes.bar(place, middle, width * 0.95, color=_COLOURS[item.form])
            axes.plot([place, place], [low, high], color="0.2", lw=1)
            ratio = gain(results, item)
            if item.form == best and ratio:
                axes.annotate(f"{shown(ratio):.3g}×", (place, max(middle, high)), (0, 2),
                              textcoords="offset points", ha="center", fontsize=8)  # fmt: skip
        axes.set_xticks(range(len(backends)), [FRAMEWORKS[name].title for name in backends])
        axes.set_title(case, fontsize=9)
        axes.margins(y=0.12)
        axes.grid(axis="y", alpha=0.3)
        axes.set_axisbelow(True)
    handles = [Patch(color=_COLOURS[form], label=form) for form in forms]
    figure.legend(handles=handles, fontsize=8, loc="outside lower center", ncols=len(forms))
    figure.suptitle(title, fontsize=10)
    return figure


def draw_shapes(results: Results) -> "Figure":
    """How many times plain's the rate of a training step is, for every shape and framework."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullFormatter

    items = results.of("shapes", form="ours")
    cases = unique(item.case for item in items)
    figure = Figure(figsize=(7.5, 1.2 + 0.35 * len(cases)), layout="constrained")
    axes = figure.subplots()
    for number, (backend, marker) in enumerate(_MARKERS.items()):
        points = [
            (ratio, cases.index(item.case))
            for item in items
            if item.backend == backend and (ratio := gain(results, item))
        ]
        if points:
            label, colour = FRAMEWORKS[backend].title, f"C{number}"
            axes.plot(*zip(*points, strict=True), marker, color=colour, label=label, alpha=0.8)
    axes.axvline(1, color="0.4", lw=1)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_yticks(range(len(cases)), cases, fontsize=8)
    axes.invert_yaxis()
    axes.set_xlabel("training step: times as fast as plain")
    axes.grid(alpha=0.3)
    figure.legend(fontsize=8, loc="outside upper center", ncols=len(_MARKERS))
    return figure
