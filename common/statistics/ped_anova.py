"""PED-ANOVA (Watanabe et al., 2023): how a parameter is distributed among the best networks.

The importance of a parameter for being among the best is the Pearson divergence of its distribution
among these from that among all networks, both estimated by Gaussian kernels on a grid.
"""

from collections.abc import Sequence
from math import ceil
from typing import Final

import numpy as np
from numpy.typing import NDArray

BEST: Final = 0.1
"""The share of networks that are the best; more if errors are equal."""

_POINTS: Final = 50
"""Points of the grid from the least to the greatest value of a parameter."""

_NARROWEST: Final = 0.5 / 1.64
"""The least deviation of a kernel in steps of the grid: nine tenths of it are at one point."""

_FLOOR: Final = 1e-12
"""Added to every density, which is a divisor."""

_CHUNK: Final = 1024

Counts = NDArray[np.int64]
"""Numbers of networks at the points of the grid, on the last axis."""


def best_networks(errors: Sequence[float]) -> NDArray[np.bool_]:
    """Which networks are the best, (n,)."""
    values = np.asarray(errors, np.float64)
    last = ceil(BEST * values.size) - 1
    best: NDArray[np.bool_] = values <= np.partition(values, last)[last]
    return best


def on_grid(values: Sequence[float]) -> NDArray[np.int64]:
    """The nearest point of the grid for each value, (n,); a value halfway takes the lower one."""
    column = np.asarray(values, np.float64)
    step = (column.max() - column.min()) / (_POINTS - 1)
    points: NDArray[np.int64] = np.ceil((column - column.min()) / step - 0.5).astype(np.int64)
    return np.clip(points, 0, _POINTS - 1)


def counted(points: NDArray[np.int64]) -> Counts:
    """How many of some networks are at each point of the grid, (50,)."""
    return np.bincount(points, minlength=_POINTS)


def divergences(everything: Counts, best: Counts) -> NDArray[np.float64]:
    """The Pearson divergence for each of m choices of the best networks, (m,).

    - `everything`: counts of all networks, (50,)
    - `best`: counts of the chosen ones, (m, 50), at least one in each row
    """
    among_all = _density(everything[None])[0]
    parts = [
        ((_density(part) / among_all - 1) ** 2) @ among_all
        for start in range(0, len(best), _CHUNK)
        for part in [best[start : start + _CHUNK]]
    ]
    return np.concatenate(parts)


def _density(counts: Counts) -> NDArray[np.float64]:
    """The mixture of a kernel at each network and a wide one over the whole grid, (m, 50)."""
    from scipy.special import ndtr

    total = counts.sum(-1, keepdims=True)
    deviation = _bandwidth(counts, total)
    points = np.arange(_POINTS)
    # The mass at each distance from a kernel's centre, and all that is on the grid.
    edges = ndtr((np.arange(-_POINTS, _POINTS) + 0.5) / deviation)
    mass = np.diff(edges, axis=-1)
    inside = edges[:, 2 * _POINTS - 1 - points] - edges[:, _POINTS - 1 - points]
    weights = counts / inside
    density = np.zeros(counts.shape)
    for point in points:
        start = _POINTS - 1 - point
        density += weights[:, point, None] * mass[:, start : start + _POINTS]
    wide = np.diff(ndtr((np.arange(_POINTS + 1) - _POINTS / 2) / _POINTS))
    mixed: NDArray[np.float64] = (density + wide / wide.sum()) / (total + 1) + _FLOOR
    return mixed


def _bandwidth(counts: Counts, total: Counts) -> NDArray[np.float64]:
    """The deviation of the kernels by Scott's rule, at most as the quartiles say, (m, 1)."""
    points = np.arange(_POINTS)
    mean = (counts @ points)[:, None] / total
    squares = (counts * (points - mean) ** 2).sum(-1, keepdims=True)
    spread = np.sqrt(squares / np.maximum(1, total - 1))
    below = counts.cumsum(-1)
    first = (below >= np.maximum(1, total // 4)).argmax(-1)
    third = (below > total * 3 // 4).argmax(-1)
    between = (third - first)[:, None] / 1.34
    scott: NDArray[np.float64] = 1.059 * np.minimum(between, spread) * total**-0.2
    return np.maximum(scott, _NARROWEST)
