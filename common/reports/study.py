"""The report of a study: an HTML page, its figures, and a record for every network."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from common.files import PRODUCER, write_text
from common.pages import write_page
from common.plotting import save_figure
from common.plotting.study import (
    draw_agreement,
    draw_edf,
    draw_extremes,
    draw_importances,
    draw_normalised,
    draw_pairs,
    draw_profiles,
    draw_scatter,
)
from common.reports.analysis import FORMAT, Analysis, analyse, numbers
from common.reports.population import population
from common.reports.settings import can_train, training_settings
from common.statistics import INTEREST
from common.studies import Result, StudyConfig, Together

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TEMPLATE: Final = Path(__file__).with_name("study.html.j2")

_SCRIPTS: Final = (
    "population.js", "edf.js", "lines.js", "scatter.js", "network.js", "listing.js", "study.js"
)  # fmt: skip


def report_files(
    config: StudyConfig, results: Sequence[Result], pairs: Sequence[tuple[str, str]] = ()
) -> list[str]:
    """The names of all files that `write_study_report` may write."""
    pairs = list(pairs) or list(pairwise(space.name for space in config.spaces))
    figures = [*_FIGURES, *(_pair_name(*pair) for pair in pairs if len(pairs) > 1)]
    pictures = [f"{name}.{kind}" for name in figures for kind in ("png", "svg")]
    records = [_record(result) for result in results]
    return ["index.html", "study.json", "results.json", *pictures, *records]


_FIGURES: Final = (
    "edf",
    "pairs",
    "edf-normalised",
    "scatter",
    "importance",
    "profiles",
    "curves",
    "agreement",
)


def _pair_name(first: str, second: str) -> str:
    return f"edf-{first}-{second}"


def write_study_report(
    name: str,
    config: StudyConfig | Together,
    results: Sequence[Result],
    out: Path,
    pairs: Sequence[tuple[str, str]] = (),
    interest: float = INTEREST,
) -> None:
    """Write index.html, its figures as PNG and SVG, study.json, results.json and records/ to `out`.

    Diverged networks, and errors that are not finite, count with error 1; pruned and failed ones do
    not count. Raises `ConfigError` for a space with fewer than three complete networks.

    - `name`: the study's name, used as the title
    - `config`, `results`: the study's config, or several studies, and all of their networks
    - `out`: the directory to write to
    - `pairs`: the names of the spaces to compare, by default each with the previous one
    - `interest`: the smallest difference of mean errors of interest
    """
    results = [_counted(result) for result in results]
    one = _one(config)
    pairs = list(pairs) or list(pairwise(space.name for space in one.spaces))
    analysis = analyse(one, results, pairs, interest)
    figures = _figures(analysis, pairs)
    for key, figure in figures.items():
        _save(figure, out / key)
    for result in results:
        write_text(out / _record(result), _lines(result))
    write_text(out / "study.json", json.dumps(_settings(config), indent=2) + "\n")
    write_text(out / "results.json", numbers(analysis))
    page = out / "index.html"
    write_study_page(page, name, config, results, analysis, list(figures), records=True)


def write_study_page(
    path: Path,
    name: str,
    config: StudyConfig | Together,
    results: Sequence[Result],
    analysis: Analysis,
    figures: Sequence[str] = (),
    records: bool = False,
    home: str = "",
) -> None:
    """Write the page of a study to `path`.

    - `name`, `config`, `results`: the study
    - `analysis`: its numbers, as `analyse` finds them
    - `figures`: names of the figures beside the page, each as PNG and SVG
    - `records`: whether the records of the networks are in records/ beside the page
    - `home`: address that the page links to as the site it belongs to
    """
    several, one = config if isinstance(config, Together) else None, _one(config)
    names = [space.name for space in one.spaces]
    values = {
        "name": name,
        "config": one,
        "training": training_settings(one),
        "several": several,
        "can_train": can_train(one) and several is None,
        "results": list(results),
        "analysis": analysis,
        "errors": analysis.errors,
        "figures": figures,
        "parameters": _parameters(analysis),
        "home": home,
    }
    data = {
        "name": name,
        **population(one, results, several.of_space if several else {}),
        "records": records,
        "pairs": [{"first": names.index(pair.first), "second": names.index(pair.second),
                   "verdict": pair.verdict} for pair in analysis.findings.comparisons],
        "agreement": [asdict(one) for one in analysis.ranking],
    }  # fmt: skip
    write_page(path, _TEMPLATE, _SCRIPTS, data, values)


def _one(config: StudyConfig | Together) -> StudyConfig:
    return config.config if isinstance(config, Together) else config


def _settings(config: StudyConfig | Together) -> dict[str, Any]:
    """The content of study.json: the config of the study, or those of several by name."""
    if isinstance(config, StudyConfig):
        return {"producer": PRODUCER, **config.to_dict()}
    configs = {name: one.to_dict() for name, one in config.configs.items()}
    return {"producer": PRODUCER, "differences": config.differences, "studies": configs}


def _counted(result: Result) -> Result:
    """The result, with error 1 instead of one that is not finite."""
    if result.error is None or math.isfinite(result.error):
        return result
    return replace(result, error=1.0)


def _figures(analysis: Analysis, pairs: Sequence[tuple[str, str]]) -> dict[str, "Figure"]:
    """The figures of a report by name."""
    errors, networks = analysis.errors, analysis.networks
    figures = {"edf": draw_edf(errors)}
    if len(pairs) > 1:
        figures |= {
            _pair_name(first, second): draw_edf(
                {name: errors[name] for name in (first, second)}, errors
            )
            for first, second in pairs
        }
        figures["pairs"] = draw_pairs(errors, pairs)
    if analysis.normalised:
        weights = {cost: one.weights for cost, one in analysis.normalised.items()}
        figures["edf-normalised"] = draw_normalised(errors, weights)
    figures |= {
        "scatter": draw_scatter(networks),
        "importance": draw_importances(analysis.shares()),
        "curves": draw_extremes(networks),
    }
    if all(network.widths for own in networks.values() for network in own):
        figures["profiles"] = draw_profiles(networks)
    if analysis.ranking:
        figures["agreement"] = draw_agreement(analysis.ranking)
    return figures


def _parameters(analysis: Analysis) -> list[str]:
    """The design parameters that have an importance in some space."""
    return list(dict.fromkeys(name for own in analysis.shares().values() for name in own))


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
        **result.network.to_dict(),
    }
    return "".join(json.dumps(row) + "\n" for row in (first, *result.record))
