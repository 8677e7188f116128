"""How well a quantised line describes the widths of a network (paper, section 3.3, figure 8)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from common.arch import AnyNetSpec
from common.arch.regnet import WIDTH_STEP
from common.errors import SpecError
from common.spaces.population import fitted, inverse
from common.spaces.template import Template

Floats = NDArray[np.float64]

WIDTH_RATIOS: Final = (1.5, 3.0)
"""The paper's range of w_m."""

_COARSE, _FINE = 20, 1
"""Steps of w_m in thousandths: of the whole range, and around the best lines."""

_BEST: Final = 100
"""Lines (w_0, w_m) around which w_m is searched in fine steps."""

_BEYOND: Final = 2
"""Levels above the widest block to which a line may rise."""

_ROWS: Final = 1 << 12
"""Lines that are computed at once."""


@dataclass(frozen=True)
class LineFit:
    """The quantised line that describes the widths of a network best.

    - `w_0`, `w_a`, `w_m`: its parameters, as those of `RegNetSpec`.
    - `error`: e_fit, the mean over all blocks of |log(width of the line / width of the block)|.
    - `widths`: of every block by the line, adjusted to the network's group widths.
    """

    w_0: int
    w_a: float
    w_m: float
    error: float
    widths: tuple[int, ...]


def fit_line(spec: AnyNetSpec) -> LineFit:
    """The best quantised line for the widths of a network, by a search over w_0, w_a and w_m.

    w_0 is a multiple of 8 up to the widest block, w_m from 1.5 to 3 in steps of 0.001: first all in
    steps of 0.02, then in steps of 0.001 around the best hundred. For every w_0 and w_m, the w_a of
    least error is found exactly: between the slopes at which a block reaches the next level, the
    error is constant. Widths of the line are adjusted to the group width and bottleneck ratio of
    each block as a RegNet's are, so RegNets have an error of 0. Raises `SpecError` for MLPs.
    """
    if spec.block == "mlp":
        raise SpecError("fit: must be a network of convolutions; got an MLP")
    network = _Network(spec)
    widest = max(stage.channels for stage in spec.stages)
    starts = np.arange(WIDTH_STEP, max(WIDTH_STEP, widest) + WIDTH_STEP, WIDTH_STEP)
    low, high = (round(1000 * ratio) for ratio in WIDTH_RATIOS)
    coarse = _lines(starts, np.arange(low, high + 1, _COARSE))
    errors, _ = network.best_slopes(coarse)
    near = coarse[np.argsort(errors, kind="stable")[:_BEST]]
    offsets = np.arange(-_COARSE + _FINE, _COARSE, _FINE)
    fine = (near[:, None] + np.stack([0 * offsets, offsets], 1)).reshape(-1, 2)
    fine = np.unique(fine[(low <= fine[:, 1]) & (fine[:, 1] <= high)], axis=0)
    errors, slopes = network.best_slopes(fine)
    best = int(errors.argmin())
    w_0, w_m = int(fine[best, 0]), fine[best, 1] / 1000
    w_a = _simple(*slopes[best].tolist())
    widths = network.widths(w_0, w_a, w_m)
    blocks = [stage.channels for stage in spec.stages for _ in range(stage.depth)]
    error = float(np.abs(np.log(np.array(widths) / blocks)).mean())
    return LineFit(w_0, w_a, float(w_m), error, widths)


def _lines(starts: NDArray[np.int64], ratios: NDArray[np.int64]) -> NDArray[np.int64]:
    """All pairs of w_0 and w_m in thousandths (n, 2)."""
    return np.stack(np.meshgrid(starts, ratios, indexing="ij"), -1).reshape(-1, 2)


def _simple(low: float, high: float) -> float:
    """A number between two, with as few decimals as possible."""
    if low == 0:
        return 0.0
    middle = (low + min(high, 2 * low)) / 2
    rounded = (round(middle, digits) for digits in range(12))
    return next((one for one in rounded if low < one < high), middle)


class _Network:
    """The widths of a network, and what each block makes of the widths of a line."""

    def __init__(self, spec: AnyNetSpec) -> None:
        grouped = spec.block == "resnext"
        self.depths = [stage.depth for stage in spec.stages]
        self.channels = np.array([stage.channels for stage in spec.stages])
        ratios = [inverse(s.bottleneck_multiplier) if grouped else 1 for s in spec.stages]
        self._ratios = np.array(ratios, int if min(ratios) >= 1 else float)
        self._groups = np.array(
            [stage.group_width or stage.bottleneck_channels if grouped else 1
             for stage in spec.stages]
        )  # fmt: skip
        self._stage_of = np.repeat(np.arange(len(self.depths)), self.depths)

    def adjusted(self, widths: NDArray[np.int64]) -> NDArray[np.int64]:
        """Widths (n,) as they would be in each stage (n, stages)."""
        shape = len(widths), len(self.channels)
        columns = [np.broadcast_to(a, shape) for a in (widths[:, None], self._ratios, self._groups)]
        wide, ratios, groups = columns
        return fitted(wide, wide, ratios, groups, Template()).widths

    def best_slopes(self, lines: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """The least error (n,) of lines (n, 2), and the slopes (n, 2) between which it is."""
        pieces = [self._best(lines[at : at + _ROWS]) for at in range(0, len(lines), _ROWS)]
        return tuple(np.concatenate(column) for column in zip(*pieces, strict=True))  # type: ignore[return-value]

    def _best(self, lines: NDArray[np.int64]) -> tuple[Floats, Floats]:
        w_0, w_m = lines[:, 0], lines[:, 1] / 1000
        widest = np.log(self.channels.max() / w_0.min()) / np.log(w_m.min())
        levels = np.arange(max(1, int(np.ceil(widest)) + _BEYOND) + 1)
        # Beyond the level that each line may reach, its slopes are not looked at.
        reach = np.ceil(np.log(self.channels.max() / w_0) / np.log(w_m)) + _BEYOND
        costs = self._costs(w_0, w_m, levels)
        blocks = np.arange(1, len(self._stage_of))
        rises = w_0[:, None] * (w_m[:, None] ** (levels[1:] - 0.5) - 1)
        slopes = (rises[:, None, :] / blocks[:, None]).reshape(len(lines), -1)
        steps = np.diff(costs, axis=2)[:, self._stage_of[1:]].reshape(len(lines), -1)
        order = np.argsort(slopes, axis=1)
        zero = np.zeros((len(lines), 1))
        begin = np.hstack([zero, np.take_along_axis(slopes, order, 1)])
        at_zero = costs[:, :, 0] @ np.array(self.depths, float)
        errors = at_zero[:, None] + np.hstack(
            [zero, np.cumsum(np.take_along_axis(steps, order, 1), axis=1)]
        )
        steepest = w_0 * (w_m ** (reach + 0.5) - 1) / max(1, len(blocks))
        end = np.minimum(np.hstack([begin[:, 1:], np.full_like(zero, np.inf)]), steepest[:, None])
        errors[end <= begin * (1 + 1e-9)] = np.inf
        best = errors.argmin(1)[:, None]
        chosen = [np.take_along_axis(array, best, 1)[:, 0] for array in (errors, begin, end)]
        return chosen[0] / len(self._stage_of), np.stack(chosen[1:], 1)

    def _costs(self, w_0: NDArray[np.int64], w_m: Floats, levels: NDArray[np.int64]) -> Floats:
        """|log(line / block)| by line, stage and level."""
        raw = w_0[:, None] * w_m[:, None] ** levels
        made = self.adjusted(_quantised(raw.ravel())).reshape(len(w_0), len(levels), -1)
        costs: Floats = np.abs(np.log(made / self.channels)).transpose(0, 2, 1)
        return costs

    def widths(self, w_0: int, w_a: float, w_m: float) -> tuple[int, ...]:
        """The widths of every block by a line."""
        rise = w_0 + w_a * np.arange(len(self._stage_of))
        levels = np.rint(np.log(rise / w_0) / np.log(w_m))
        made = self.adjusted(_quantised(w_0 * w_m**levels))
        return tuple(made[np.arange(len(made)), self._stage_of].tolist())


def _quantised(widths: Floats | Sequence[float]) -> NDArray[np.int64]:
    """Widths rounded to multiples of 8."""
    rounded: NDArray[np.int64] = (np.rint(np.asarray(widths) / WIDTH_STEP) * WIDTH_STEP).astype(
        np.int64
    )
    return rounded
