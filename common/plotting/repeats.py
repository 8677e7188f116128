"""Figures of networks that were trained more than once."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from common.plotting.figure import new_figure
from common.plotting.palette import GREY, points

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_repeats(
    first: ArrayLike, name: str, panels: Mapping[str, Mapping[str, ArrayLike]]
) -> "Figure":
    """Errors of networks in one training against their errors in others.

    - `first`, `name`: errors (N,) in the training on the horizontal axis, and its name.
    - `panels`: for each panel's title, errors (N,) of the same networks by the name of a training.
    """
    figure = new_figure(figsize=(4.6 * len(panels), 4.4), layout="constrained")
    axes = figure.subplots(1, len(panels), squeeze=False, sharex=True, sharey=True)[0]
    least = 100 * float(np.min(np.asarray(first)))
    for panel, (title, trainings) in zip(axes, panels.items(), strict=True):
        panel.axline((least, least), slope=1, color=GREY, lw=1, ls=":")
        for number, (other, errors) in enumerate(trainings.items()):
            x, y = (100 * np.asarray(values) for values in (first, errors))
            panel.scatter(x, y, s=22, alpha=0.75, lw=0, label=other, **points(number))
        panel.set(title=title, xlabel=f"error in percent, {name}")
        panel.legend(loc="upper left", fontsize=8)
    axes[0].set_ylabel("error in percent, other training")
    return figure
