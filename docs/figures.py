"""Draw the figures of the pages from the records in `docs`: `python -m docs.figures`.

Each is drawn for light pages, and those that a page shows are drawn for dark ones, too, as
NAME-dark.png beside NAME.png. Nothing is trained or measured: the same records give the same
figures.
"""

import csv
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from benchmarks.charts import CHARTS
from benchmarks.charts import draw as draw_benchmarks
from benchmarks.results import read_results
from common.arch import AnyNetSpec
from common.frameworks import FRAMEWORKS
from common.plotting import colour_scheme, draw_comparison, draw_curves, save_figure
from common.plotting.parity import FreeRun, draw_free_runs
from common.plotting.study import (
    TrainedNetwork,
    draw_agreement,
    draw_edf,
    draw_extremes,
    draw_importances,
    draw_pairs,
    draw_profiles,
    draw_scatter,
)
from common.statistics import agreements
from common.studies import design
from common.training import Row, read_config, read_record
from docs.expand import DARK, FIGURE
from docs.repeats import draw as draw_frameworks

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Drawing = Callable[[], "Figure"]

ROOT: Final = Path(__file__).parent
_SEEDS: Final = tuple(f"{name}-seed0" for name in FRAMEWORKS)
_MOVED: Final = ("torch-moved1", "torch-moved2", "torch-moved3")
_FLOAT64: Final = tuple(f"{name}-float64" for name in FRAMEWORKS)


def drawings() -> dict[str, Drawing]:
    """What draws each figure, by its path in `docs` without the ending."""
    found: dict[str, Drawing] = {
        "free_runs": lambda: draw_free_runs(_free_runs()),
        "runs/first_epoch": lambda: draw_comparison(_first_epochs(_SEEDS), _reruns()),
        "frameworks": draw_frameworks,
        "runs/float64_epoch": lambda: draw_comparison(_first_epochs(_FLOAT64)),
    }
    for path in sorted(ROOT.glob("runs/*/curves.png")):
        found[f"runs/{path.parent.name}/curves"] = partial(_curves, path.parent)
    for section in CHARTS:
        found[f"speed/{section}"] = partial(_benchmark, section)
    for path in sorted(ROOT.glob("studies/*/*.png")):
        if not path.stem.endswith(DARK):
            name = f"studies/{path.parent.name}/{path.stem}"
            found[name] = partial(_of_study, path.parent, path.stem)
    return found


def shown() -> set[str]:
    """The figures that a page shows, in the form of the keys of `drawings`."""
    pages = (page.read_text() for page in ROOT.glob("*.md"))
    paths = (figure["path"] for page in pages for figure in FIGURE.finditer(page))
    return {path.removesuffix(".png") for path in paths if path.endswith(".png")}


def _record(run: str) -> list[Row]:
    return read_record(ROOT / "runs" / run / "record.jsonl")


def _first_epochs(runs: tuple[str, ...]) -> dict[str, list[Row]]:
    return {run: [row for row in _record(run) if row.get("epoch", 0) <= 1] for run in runs}


def _reruns() -> list[list[Row]]:
    return list(_first_epochs(_MOVED).values())


def _curves(folder: Path) -> "Figure":
    return draw_curves(_record(folder.name), f"{read_config(folder).backend}, {folder.name}")


def _benchmark(section: str) -> "Figure":
    results = read_results(ROOT / "speed/bench.json")
    return draw_benchmarks({section: results[section]})[section]


def _free_runs() -> list[FreeRun]:
    """The free runs of a parity session; the records as a whole are too large for `docs`."""
    return [
        FreeRun(
            run["case"],
            np.array(run["allowed"]),
            {name: np.array(values) for name, values in run["differences"].items()},
        )
        for run in json.loads((ROOT / "free_runs.json").read_text())
    ]


def _of_study(folder: Path, figure: str) -> "Figure":
    results = json.loads((folder / "results.json").read_text())
    if figure == "edf":
        return draw_edf(results["errors"])
    if figure == "importance":
        return draw_importances(results["importances"])
    if figure == "pairs":
        pairs = [(one["first"], one["second"]) for one in results["comparisons"]]
        return draw_pairs(results["errors"], pairs)
    networks = _networks(folder)
    if figure == "agreement":
        return draw_agreement(agreements([n.errors for own in networks.values() for n in own]))
    by_name = {"scatter": draw_scatter, "profiles": draw_profiles, "curves": draw_extremes}
    if figure in by_name:
        return by_name[figure](networks)
    pair = {name: results["errors"][name] for name in _pair(figure, list(networks))}
    return draw_edf(pair, results["errors"])


def _pair(figure: str, spaces: list[str]) -> tuple[str, str]:
    """The spaces of the figure edf-FIRST-SECOND, whose names have hyphens."""
    (found,) = ((a, b) for a in spaces for b in spaces if figure == f"edf-{a}-{b}")
    return found


def _networks(folder: Path) -> dict[str, list[TrainedNetwork]]:
    """The trained networks of each space, from the study's table."""
    found: dict[str, list[TrainedNetwork]] = {}
    with (folder / "networks.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if row["error"]:
                found.setdefault(row["space"], []).append(_network(row))
    return found


def _network(row: dict[str, Any]) -> TrainedNetwork:
    spec = AnyNetSpec.from_json(row["spec"])
    costs = {name: float(row[name]) for name in ("flops", "params", "activations")}
    epochs = [name for name in row if name.startswith("error_") and row[name]]
    return TrainedNetwork(
        float(row["error"]),
        [float(row[name]) for name in epochs],
        [stage.channels for stage in spec.stages for _ in range(stage.depth)],
        {**design(spec), **costs},
    )


def main() -> None:
    """Write all figures."""
    visible = shown()
    for scheme in ("light", "dark"):
        with colour_scheme(scheme):
            for name, draw in drawings().items():
                if scheme == "light":
                    save_figure(draw(), ROOT / f"{name}.png")
                elif name in visible:
                    save_figure(draw(), ROOT / f"{name}{DARK}.png", transparent=True)


if __name__ == "__main__":
    main()
