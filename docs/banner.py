"""Draws the picture at the top of the README and of the site: `python -m docs.banner`.

Left, the training loss of one epoch in four frameworks, from the records in `docs/runs`; right, the
distributions of the errors of whole populations, from the study in `docs/studies/spaces`. One file
for light pages and one for dark ones.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from common.files import replacing
from common.frameworks import FRAMEWORKS
from common.plotting.figure import new_figure
from common.spaces.named import UNIFORM
from common.statistics import distribution
from common.training import read_record

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROOT: Final = Path(__file__).parent
RUNS: Final = {name: f"runs/{name}-float64/record.jsonl" for name in FRAMEWORKS}
SPACES: Final = ("AnyNetXA-small", "AnyNetXC-small", "AnyNetXE-small", "RegNetX-small")
RESULTS: Final = "studies/spaces/results.json"

COLOURS: Final = ("#0072b2", "#e69f00", "#009e73", "#cc79a7")
"""Four of Okabe and Ito's palette, which colour-blind readers can tell apart."""

_DASHES: Final = ((0, ()), (0, (6, 2)), (0, (3, 2)), (0, (1, 1.5)))
_WIDTHS: Final = (5.0, 3.6, 2.4, 1.2)
_INKS: Final = {"light": "#24292f", "dark": "#e6edf3"}


def losses() -> dict[str, tuple[list[float], list[float]]]:
    """Epochs and training losses of the run of each framework, by its name."""
    found = {}
    for backend, path in RUNS.items():
        rows = [row for row in read_record(ROOT / path) if row["kind"] == "interval"]
        title = FRAMEWORKS[backend].title
        found[title] = [row["epoch"] for row in rows], [row["loss"] for row in rows]
    return found


def errors() -> Mapping[str, list[float]]:
    """Validation errors of the populations that are drawn, by space."""
    results = json.loads((ROOT / RESULTS).read_text())["errors"]
    return {space: results[space] for space in SPACES}


def draw(scheme: str) -> "Figure":
    """The picture, transparent, for pages in `light` or `dark`."""
    figure = new_figure(figsize=(10, 3.6), layout="constrained")
    figure.set_facecolor("none")
    left, right = figure.subplots(1, 2)
    for number, (title, (epochs, values)) in enumerate(losses().items()):
        style = {"color": COLOURS[number], "lw": _WIDTHS[number], "ls": _DASHES[number]}
        left.plot(epochs, values, label=title, **style)
    left.set(xlabel="epoch", ylabel="training loss", xlim=(0, 1))
    left.set_title("One network in four frameworks: one curve")
    for number, (space, values) in enumerate(errors().items()):
        array = np.sort(values)
        style = {"color": COLOURS[number], "lw": 2, "ls": _DASHES[number]}
        shares = distribution(array, array)
        right.step(100 * array, shares, where="post", label=f"{space}{UNIFORM}", **style)
    right.set(xlabel="validation error in percent", ylabel="share of networks", ylim=(0, 1.02))
    right.set_title("Design spaces: not one network, but all of them")
    for axes in (left, right):
        _in_ink(axes, _INKS[scheme])
    return figure


def _in_ink(axes: Any, ink: str) -> None:
    axes.set_facecolor("none")
    axes.grid(alpha=0.2, color=ink)
    axes.tick_params(colors=ink)
    axes.title.set(color=ink, fontsize=12)
    for label in (axes.xaxis.label, axes.yaxis.label):
        label.set_color(ink)
    for spine in axes.spines.values():
        spine.set_color(ink)
    axes.legend(frameon=False, labelcolor=ink, fontsize=9, handlelength=3.5)


def main() -> None:
    """Write both pictures."""
    for scheme in _INKS:
        with replacing(ROOT / f"assets/banner-{scheme}.png") as temporary:
            draw(scheme).savefig(temporary, dpi=160, transparent=True)


if __name__ == "__main__":
    main()
