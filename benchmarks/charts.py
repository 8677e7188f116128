"""Pictures of a run."""

from typing import TYPE_CHECKING

from benchmarks.results import Measurement, Results, Section
from common.frameworks import FRAMEWORKS
from common.plotting.figure import new_figure
from common.plotting.palette import GREY, colour

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CHARTS = {
    "training": "training: images/s, and times plain's rate",
    "inference": "inference: images/s, and times plain's rate",
    "memory": "peak MB of a training step, and times plain's",
}
"""Titles of the pictures by section."""

_COLOURS = {"plain": GREY, "ours": colour(0), "fused": colour(1)}


def draw(results: Results) -> dict[str, "Figure"]:
    """The picture of every section that has one and was measured."""
    return {
        name: _bars(results[name], title, in_megabytes=name == "memory")
        for name, title in CHARTS.items()
        if name in results and results[name].of(form="ours")
    }


def _bars(section: Section, title: str, in_megabytes: bool) -> "Figure":
    """A group of bars per framework, with their middle half; above the best, its ratio to plain."""
    from matplotlib import rcParams
    from matplotlib.patches import Patch

    items = [item for item in section.measurements if item.form in _COLOURS]
    cases = dict.fromkeys(item.case for item in items if "first step" not in item.case)
    forms = [form for form in _COLOURS if section.of(form=form)]
    backends = [name for name in FRAMEWORKS if any(item.backend == name for item in items)]

    def shown(item: Measurement, value: float) -> float:
        return value / 1e6 if in_megabytes else section.cases[item.case]["items"] / value

    figure = new_figure(figsize=(5 * len(cases), 3.4), layout="constrained")
    width = 0.8 / len(forms)
    for axes, case in zip(figure.subplots(1, len(cases), squeeze=False)[0], cases, strict=True):
        for item in (item for item in items if item.case == case):
            place = backends.index(item.backend) + (forms.index(item.form) + 0.5) * width - 0.4
            height, *ends = (shown(item, value) for value in (item.median, *item.quartiles))
            axes.bar(place, height, width * 0.95, color=_COLOURS[item.form])
            axes.plot([place, place], ends, color=rcParams["text.color"], lw=1)
            gain = section.gain(item)
            if item.form == forms[-1] and gain:
                text = f"{1 / gain if in_megabytes else gain:.3g}×"
                axes.annotate(text, (place, max(height, *ends)), (0, 2),
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
