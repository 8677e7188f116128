"""The report of a study: an HTML page, its figures, and a record for every network."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final

from common.errors import ConfigError
from common.files import PRODUCER, write_text
from common.pages import write_page
from common.plotting import save_figure
from common.plotting.study import (
    BySpace,
    TrainedNetwork,
    by_number,
    draw_agreement,
    draw_edf,
    draw_extremes,
    draw_importances,
    draw_pairs,
    draw_profiles,
    draw_scatter,
)
from common.reports.population import population
from common.reports.settings import training_settings
from common.statistics import (
    MARGIN,
    Comparison,
    ConfidenceInterval,
    Inference,
    agreements,
    best_of,
    compare,
    good_range,
    importance_chances,
    importances,
    infer,
    mean_error,
)
from common.studies import Result, StudyConfig, design

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMAT: Final = 1
"""Format number of results.json and of the files in records/."""

_TEMPLATE: Final = Path(__file__).with_name("study.html.j2")

_SCRIPTS: Final = (
    "population.js", "edf.js", "lines.js", "scatter.js", "network.js", "listing.js", "study.js"
)  # fmt: skip

_FEWEST = 3
"""Minimum number of complete networks per space."""


def report_files(
    config: StudyConfig, results: Sequence[Result], pairs: Sequence[tuple[str, str]] = ()
) -> list[str]:
    """The names of all files that `write_study_report` may write."""
    pairs = list(pairs) or list(pairwise(space.name for space in config.spaces))
    figures = [*_FIGURES, *(_pair_name(*pair) for pair in pairs if len(pairs) > 1)]
    pictures = [f"{name}.{kind}" for name in figures for kind in ("png", "svg")]
    records = [_record(result) for result in results]
    return ["index.html", "study.json", "results.json", *pictures, *records]


_FIGURES: Final = ("edf", "pairs", "scatter", "importance", "profiles", "curves", "agreement")


def _pair_name(first: str, second: str) -> str:
    return f"edf-{first}-{second}"


def write_study_report(
    name: str,
    config: StudyConfig,
    results: Sequence[Result],
    out: Path,
    pairs: Sequence[tuple[str, str]] = (),
) -> None:
    """Write index.html, its figures as PNG and SVG, study.json, results.json and records/ to `out`.

    Diverged networks, and errors that are not finite, count with error 1; pruned and failed ones do
    not count. Raises `ConfigError` for a space with fewer than three complete networks.

    - `name`: the study's name, used as the title
    - `config`, `results`: the study's config, and all of its networks
    - `out`: the directory to write to
    - `pairs`: the names of the spaces to compare, by default each with the previous one
    """
    results = [_counted(result) for result in results]
    spaces: dict[str, list[Result]] = {
        space.name: [r for r in results if r.network.space == space.name and r.error is not None]
        for space in config.spaces
    }
    for space, own in spaces.items():
        if len(own) < _FEWEST:
            raise ConfigError(
                f"report: space {space} must have {_FEWEST} complete networks; got {len(own)}"
            )
    names = list(spaces)
    errors = {space: [float(r.error or 0) for r in own] for space, own in spaces.items()}
    pairs = list(pairs) or list(pairwise(names))
    comparisons, inferences = compare(errors, pairs), infer(errors, pairs)
    shares = {space: importances([design(r.network.spec) for r in own], errors[space])
              for space, own in spaces.items()}  # fmt: skip
    chances = {space: importance_chances([design(r.network.spec) for r in own], errors[space])
               for space, own in spaces.items()}  # fmt: skip
    ranking = agreements([r.errors for own in spaces.values() for r in own
                          if len(r.errors) == config.training.epochs])  # fmt: skip
    networks = {space: [_trained(r) for r in own] for space, own in spaces.items()}
    figures = {"edf": draw_edf(errors)}
    if len(pairs) > 1:
        figures |= {
            _pair_name(first, second): draw_edf(
                {name: errors[name] for name in (first, second)}, errors
            )
            for first, second in pairs
        }
        figures["pairs"] = draw_pairs(errors, pairs)
    figures |= {
        "scatter": draw_scatter(networks),
        "importance": draw_importances(shares),
        "profiles": draw_profiles(networks),
        "curves": draw_extremes(networks),
    }
    if ranking:
        figures["agreement"] = draw_agreement(ranking)
    for key, figure in figures.items():
        _save(figure, out / key)
    for result in results:
        write_text(out / _record(result), _lines(result))
    settings = {"producer": PRODUCER, **config.to_dict()}
    write_text(out / "study.json", json.dumps(settings, indent=2) + "\n")
    write_text(out / "results.json", _numbers(errors, comparisons, inferences, shares, chances))
    page = {
        "name": name,
        "config": config,
        "training": training_settings(config),
        "results": list(results),
        "errors": errors,
        "means": {space: mean_error(values) for space, values in errors.items()},
        "best_of": {space: [best_of(values, k) for k in (1, 5, 20)]
                    for space, values in errors.items()},
        "comparisons": comparisons,
        "inferences": inferences,
        "figures": list(figures),
        "ranges": _good_ranges(networks),
        "importances": shares,
        "chances": chances,
        "parameters": list(dict.fromkeys(key for own in shares.values() for key in own)),
        "margin": MARGIN,
        "agreements": ranking,
    }  # fmt: skip
    data = {
        "name": name,
        **population(config, results),
        "records": True,
        "pairs": [{"first": names.index(one.first), "second": names.index(one.second),
                   "verdict": one.verdict} for one in comparisons],
        "agreement": [asdict(one) for one in ranking],
    }  # fmt: skip
    write_page(out / "index.html", _TEMPLATE, _SCRIPTS, data, page)


def _counted(result: Result) -> Result:
    """The result, with error 1 instead of one that is not finite."""
    if result.error is None or math.isfinite(result.error):
        return result
    return replace(result, error=1.0)


def _trained(result: Result) -> TrainedNetwork:
    """The data of a complete network that the figures show."""
    stages = result.network.spec.stages
    costs = {
        "flops": result.flops,
        "params": result.params,
        "activations": result.activations,
    }
    return TrainedNetwork(
        float(result.error or 0),
        result.errors,
        [stage.channels for stage in stages for _ in range(stage.depth)],
        {**design(result.network.spec), **costs},
    )


def _good_ranges(networks: BySpace) -> dict[str, dict[str, ConfidenceInterval]]:
    """The range of good values by space and design parameter."""
    found: dict[str, dict[str, ConfidenceInterval]] = {}
    for name, values in by_number(networks).items():
        for space, column in values.items():
            errors = [network.error for network in networks[space]]
            found.setdefault(space, {})[name] = good_range(column, errors)
    return found


def _save(figure: "Figure", path: Path) -> None:
    """Write a figure as PNG and SVG."""
    for kind in ("png", "svg"):
        save_figure(figure, path.with_name(f"{path.name}.{kind}"))


def _record(result: Result) -> str:
    return f"records/{result.network.space}-{result.network.index:04d}.jsonl"


def _lines(result: Result) -> str:
    """A network's record: its spec, then the rows of its run."""
    first = {
        "producer": PRODUCER,
        "format": FORMAT,
        "kind": "network",
        "name": result.network.name,
        "state": result.state,
        "spec": result.network.spec.to_dict(),
    }
    return "".join(json.dumps(row) + "\n" for row in (first, *result.record))


def _numbers(
    errors: dict[str, list[float]],
    comparisons: Sequence[Comparison],
    inferences: Sequence[Inference],
    shares: dict[str, dict[str, float]],
    chances: dict[str, dict[str, float]],
) -> str:
    """The report's numbers as JSON."""
    return json.dumps(
        {
            "producer": PRODUCER,
            "format": FORMAT,
            "errors": errors,
            "comparisons": [
                {
                    "first": one.first,
                    "second": one.second,
                    "ahead": one.ahead,
                    "p_ahead": one.p_ahead,
                    "behind": one.behind,
                    "p_behind": one.p_behind,
                    "p_within": one.p_within,
                    "margin": MARGIN,
                    "verdict": one.verdict,
                }
                for one in comparisons
            ],
            "inferences": [{**asdict(one), "verdict": one.verdict} for one in inferences],
            "importances": shares,
            "importance_chances": chances,
        },
        indent=2,
    )
