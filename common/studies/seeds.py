"""Networks that a study trains with several seeds."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Final

import numpy as np

from common.studies.config import StudyConfig
from common.studies.listed import IMPORTED
from common.studies.trials import NetworkState, Result
from common.training.rows import EPOCH

_FIRST: Final[tuple[NetworkState, ...]] = ("failed", "running", "lost", "waiting", "pruned")
"""The state of a network is the first of these that any of its trainings has, else `complete`."""


def in_order(trainings: Iterable[Result], config: StudyConfig) -> list[Result]:
    """The trainings by space, index and seed."""
    order = {space.name: number for number, space in enumerate(config.spaces)}
    return sorted(
        trainings, key=lambda r: (order[r.network.space], r.network.index, r.network.repeat)
    )


def each_training(result: Result) -> list[Result]:
    """The trainings of an imported network, which is stored with all its seeds; else `result`."""
    starts = [n for n, row in enumerate(result.record) if row["kind"] == IMPORTED]
    if len(starts) < 2:
        return [result]
    parts = [result.record[a:b] for a, b in pairwise([*starts, len(result.record)])]
    return [
        replace(
            result,
            network=replace(result.network, repeat=repeat),
            error=part[0]["error"],
            errors=tuple(row["error"] for row in part if row["kind"] == EPOCH),
            seconds=part[0]["seconds"],
            record=part,
        )
        for repeat, part in enumerate(parts)
    ]


def merged(trainings: Sequence[Result]) -> list[Result]:
    """One result for each network, from its trainings with each seed in order.

    Errors are means over the seeds, known once all trainings are complete; `seconds` and `attempts`
    are sums; rows of the record have the number of their training as `repeat`. A single training is
    its network's result.
    """
    found: dict[tuple[str, int], list[Result]] = {}
    for one in trainings:
        found.setdefault((one.network.space, one.network.index), []).append(one)
    return [own[0] if len(own) == 1 else _merged(own) for own in found.values()]


def _merged(own: Sequence[Result]) -> Result:
    states = {one.state for one in own}
    errors = [one.error for one in own if one.error is not None]
    curves = [one.errors for one in own]
    complete = states == {"complete"}
    alike = complete and len({len(curve) for curve in curves}) == 1
    seconds = [one.seconds for one in own if one.seconds is not None]
    return replace(
        own[0],
        state=next((state for state in _FIRST if state in states), "complete"),
        error=float(np.mean(errors)) if complete else None,
        errors=tuple(np.mean(curves, axis=0).tolist()) if alike else (),
        record=tuple({**row, "repeat": n} for n, one in enumerate(own) for row in one.record),
        seconds=sum(seconds) if seconds else None,
        attempts=sum(one.attempts for one in own),
        message=next((one.message for one in own if one.message), ""),
        trainings=tuple(own),
    )
