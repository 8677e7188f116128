"""Draws the picture at the top of the README and of the site: `python -m docs.banner`.

Left, the training loss of one epoch in four frameworks, from the records in `docs/runs`; right, the
distributions of the errors of whole populations, from the study in `docs/studies/spaces`. One file
for light pages and one for dark ones.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from common.frameworks import FRAMEWORKS
from common.plotting import Scheme, colour_scheme, save_figure
from common.plotting.figure import new_figure
from common.plotting.palette import line
from common.spaces.named import UNIFORM
from common.statistics import distribution
from common.training import read_record

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROOT: Final = Path(__file__).parent
RUNS: Final = {name: f"runs/{name}-float64/record.jsonl" for name in FRAMEWORKS}
SPACES: Final = ("AnyNetXA-small", "AnyNetXC-small", "AnyNetXE-small", "RegNetX-small")
RESULTS: Final = "studies/spaces/results.json"

_WIDTHS: Final = (6.0, 4.2, 2.8, 1.4)
"""Of lines that coincide: all four stay visible."""


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


def draw(scheme: Scheme) -> "Figure":
    """The picture for pages in `light` or `dark`."""
    with colour_scheme(scheme):
        figure = new_figure(figsize=(10, 3.6), layout="constrained")
        left, right = figure.subplots(1, 2)
        for number, (title, (epochs, values)) in enumerate(losses().items()):
            left.plot(epochs, values, label=title, lw=_WIDTHS[number], **line(number))
        left.set(xlabel="epoch", ylabel="training loss", xlim=(0, 1))
        left.set_title("One network in four frameworks: one curve")
        for number, (space, values) in enumerate(errors().items()):
            array = np.sort(values)
            shares = distribution(array, array)
            label = f"{space}{UNIFORM}"
            right.step(100 * array, shares, where="post", label=label, lw=2, **line(number))
        right.set(xlabel="validation error in percent", ylabel="share of networks", ylim=(0, 1.02))
        right.set_title("Design spaces: not one network, but all of them")
        for axes in (left, right):
            axes.grid(alpha=0.2)
            axes.title.set_fontsize(12)
            axes.legend(frameon=False, fontsize=9, handlelength=3.5)
    return figure


def main() -> None:
    """Write both pictures, without a background."""
    for scheme in ("light", "dark"):
        with colour_scheme(scheme):
            path = ROOT / f"assets/banner-{scheme}.png"
            save_figure(draw(scheme), path, dpi=160, transparent=True)


if __name__ == "__main__":
    main()
