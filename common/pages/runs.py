"""The page that compares runs: their losses and accuracies, and how much they differ."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from common.pages.page import rounded, write_page
from common.plotting.curves import Rows, rerun_band

_TEMPLATE: Final = Path(__file__).with_name("runs.html.j2")

_MAX_POINTS: Final = 3000
"""Longer curves are thinned to about this number of points."""

_SHOWN: Final = {"interval": ("loss",), "epoch": ("val_loss", "val_accuracy")}
"""The numbers that are drawn, by the kind of their rows."""


def write_runs_page(
    path: Path,
    runs: Mapping[str, Rows],
    reruns: Sequence[Rows],
    distances: Mapping[str, tuple[float, float]],
) -> None:
    """Write a page with the curves of several runs to `path`.

    - `runs`: the records of the runs by their names
    - `reruns`: records of reruns of the first run, whose range is drawn as a band
    - `distances`: mean and largest relative difference of a run's training losses from the first's
    """
    data = {
        "runs": [
            {"name": name, **{kind: _curve(rows, kind) for kind in _SHOWN}}
            for name, rows in runs.items()
        ],
        "bands": _bands(next(iter(runs.values())), reruns) if reruns else {},
    }
    values = {
        "names": list(runs),
        "last": {name: _last(rows) for name, rows in runs.items()},
        "intervals": {name: sum(row["kind"] == "interval" for row in rows)
                      for name, rows in runs.items()},
        "distances": distances,
        "reruns": len(reruns),
    }  # fmt: skip
    write_page(path, _TEMPLATE, ("lines.js", "curves.js"), data, values)


def _curve(rows: Rows, kind: str) -> dict[str, list[float | int | None]]:
    """The epochs of a kind of rows, and their numbers."""
    own = [row for row in rows if row["kind"] == kind]
    own = own[:: -(-len(own) // _MAX_POINTS) or 1]
    return {name: [rounded(row.get(name)) for row in own] for name in ("epoch", *_SHOWN[kind])}


def _bands(first: Rows, reruns: Sequence[Rows]) -> dict[str, Any]:
    found = {}
    for kind, names in _SHOWN.items():
        for name in names:
            epochs, low, high = rerun_band(first, reruns, kind, name)
            found[name] = {"x": epochs, "low": low, "high": high}
    return found


def _last(rows: Rows) -> dict[str, Any]:
    """The row of the last epoch; empty for a run that has not finished one."""
    return dict(next((row for row in reversed(rows) if row["kind"] == "epoch"), {}))
