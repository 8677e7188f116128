"""The pictures of the report."""

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from common.figures import new_figure
from common.parity.compare import CHANGE, REFERENCE, Finding
from common.parity.measure import Record

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_FLAGSHIP = "regnetx32"
"""The case whose layers the picture shows when all cases agree."""

_FLOOR = 1e-6
"""Ratios below are drawn alike."""

_MIN = 1e-17
"""Differences below are drawn alike."""


def draw_layers(findings: list[Finding]) -> "Figure":
    """Layers down, backends across, colour by error in units of the tolerance.

    Layers are those of the first case that fails, or of RegNetX32.
    """
    star = [item for item in findings if item.pair[1] == REFERENCE]
    shown = next((item.case for item in star if not item.within), _FLAGSHIP)
    if all(item.case != shown for item in star):
        shown = star[0].case
    outputs = [item for item in star if item.case == shown and item.quantity.endswith("outputs")]
    # The order of the backend that lets most of its layers be observed.
    counts = Counter(item.pair for item in outputs)
    outputs.sort(key=lambda item: -counts[item.pair])
    rows = list(dict.fromkeys(item.layer for item in outputs))
    columns = sorted({(item.precision, item.quantity.split()[0], item.pair[0]) for item in outputs})
    values = np.full((len(rows), len(columns)), np.nan)
    for item in outputs:
        place = columns.index((item.precision, item.quantity.split()[0], item.pair[0]))
        ratio = min(max(item.ratio, _FLOOR), 1 / _FLOOR)
        values[rows.index(item.layer), place] = np.log10(ratio)
    size = (1.5 + 0.45 * len(columns), 1.8 + 0.16 * len(rows))
    figure = new_figure(figsize=(max(size[0], 6), max(size[1], 3)), layout="constrained")
    axes = figure.subplots()
    from matplotlib.colors import TwoSlopeNorm

    norm = TwoSlopeNorm(0, np.log10(_FLOOR), -np.log10(_FLOOR))
    image = axes.imshow(values, cmap="RdBu_r", norm=norm, aspect="auto")
    axes.set_xticks(range(len(columns)), [" ".join(c) for c in columns], rotation=90, fontsize=7)
    axes.set_yticks(range(len(rows)), rows, fontsize=6)
    axes.set_title(f"{shown}: outputs against the reference", fontsize=9)
    bar = figure.colorbar(image, ax=axes, shrink=0.6)
    bar.set_label("log10 of the error over the tolerance; red fails", fontsize=7)
    return figure


def draw_free_runs(records: Mapping[str, Record]) -> "Figure | None":
    """Losses at the chapter's rate against the reference's, and the band that rounding makes.

    A panel per case that has such runs in float64, or nothing when none has.
    """
    truth = records[REFERENCE]
    ending = f"/float64{CHANGE}/free run/losses"
    cases = [name.removesuffix(ending) for name in truth if name.endswith(ending)]
    if not cases:
        return None
    figure = new_figure(figsize=(4.5 * len(cases), 3.6), layout="constrained")
    panels = figure.subplots(1, len(cases), sharey=True, squeeze=False)[0]
    for axes, case in zip(panels, cases, strict=True):
        band = truth[case + ending]
        steps = np.arange(1, len(band) + 1)
        label = "allowed: ten ulps\nin every weight of the reference"
        axes.fill_between(steps, _MIN, np.maximum(band, _MIN), color="0.85", label=label)
        key = f"{case}/float64/free run/losses"
        for name in records:
            if name != REFERENCE and key in records[name]:
                differences = np.abs(records[name][key] - truth[key])
                axes.plot(steps, np.maximum(differences, _MIN), label=name, lw=1.2)
        axes.set(title=case, xlabel="step", yscale="log", xticks=range(0, len(band) + 1, 5))
        axes.title.set_fontsize(9)
        axes.grid(alpha=0.3)
    panels[0].set_ylabel("difference in loss from the reference")
    panels[0].legend(fontsize=7)
    return figure
