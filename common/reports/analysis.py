"""All numbers of a report on a study, computed once for the page and for results.json."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from common.errors import ConfigError
from common.files import PRODUCER
from common.plotting.study import BySpace, TrainedNetwork, by_number
from common.statistics import (
    INTEREST,
    Agreement,
    ConfidenceInterval,
    Findings,
    Normalised,
    SeedSpread,
    agreements,
    best_of,
    find,
    good_range,
    mean_error,
    normalise,
    seed_spread,
)
from common.studies import Result, StudyConfig

FORMAT: Final = 1
"""Format number of results.json and of the files in records/."""

_FEWEST: Final = 3
"""Minimum number of complete networks per space."""

_BEST_OF: Final = (1, 5, 20)

_COMPLEXITIES: Final = ("flops", "params", "activations")


@dataclass(frozen=True)
class Analysis:
    """The numbers of a report, of all complete networks, by space.

    - `networks`, `errors`: the networks and their errors.
    - `findings`: every test, corrected for all of them.
    - `means`, `best_of`: the mean error, and the expected least error of 1, 5 and 20 networks.
    - `ranges`: the range of good values of each design parameter and cost.
    - `normalised`: by cost; a cost that the spaces do not share is left out.
    - `ranking`: how early the ranking of the networks is known.
    - `spreads`: how much seeds bring; empty unless each network is trained with several.
    """

    networks: BySpace
    errors: dict[str, list[float]]
    findings: Findings
    means: dict[str, ConfidenceInterval]
    best_of: dict[str, list[float]]
    ranges: dict[str, dict[str, ConfidenceInterval]]
    normalised: dict[str, Normalised]
    ranking: list[Agreement]
    spreads: dict[str, SeedSpread]

    def shares(self) -> dict[str, dict[str, float]]:
        """The importances alone, by space and design parameter."""
        return {
            space: {name: one.share for name, one in own.items()}
            for space, own in self.findings.importances.items()
        }


def analyse(
    config: StudyConfig,
    results: Sequence[Result],
    pairs: Sequence[tuple[str, str]],
    interest: float = INTEREST,
) -> Analysis:
    """The numbers of a study's report.

    Diverged networks count with error 1; pruned and failed ones do not count. Raises `ConfigError`
    for a space with fewer than three complete networks.
    """
    spaces = _complete(config, results)
    networks = {space: [_trained(result) for result in own] for space, own in spaces.items()}
    errors = {space: [network.error for network in own] for space, own in networks.items()}
    designs = {space: [result.network.numbers for result in own] for space, own in spaces.items()}
    epochs = config.training.epochs
    curves = [n.errors for own in networks.values() for n in own if len(n.errors) == epochs]
    return Analysis(
        networks,
        errors,
        find(errors, pairs, designs, interest),
        {space: mean_error(values) for space, values in errors.items()},
        {space: [best_of(values, k) for k in _BEST_OF] for space, values in errors.items()},
        _good_ranges(networks),
        _normalised(networks, errors),
        agreements(curves),
        _spreads(spaces) if config.seeds > 1 else {},
    )


def _complete(config: StudyConfig, results: Sequence[Result]) -> dict[str, list[Result]]:
    """The complete networks of each space. Raises `ConfigError` if they are too few."""
    spaces: dict[str, list[Result]] = {
        space.name: [r for r in results if r.network.space == space.name and r.error is not None]
        for space in config.spaces
    }
    for space, own in spaces.items():
        if len(own) < _FEWEST:
            raise ConfigError(
                f"report: space {space} must have {_FEWEST} complete networks; got {len(own)}"
            )
    return spaces


def _trained(result: Result) -> TrainedNetwork:
    """The data of a complete network that the figures show."""
    costs = {name: getattr(result, name) for name in _COMPLEXITIES}
    known = {name: cost for name, cost in costs.items() if cost is not None}
    return TrainedNetwork(
        float(result.error or 0),
        result.errors,
        result.network.widths,
        {**result.network.numbers, **known},
    )


def _good_ranges(networks: BySpace) -> dict[str, dict[str, ConfidenceInterval]]:
    """The range of good values by space and design parameter."""
    found: dict[str, dict[str, ConfidenceInterval]] = {}
    for name, values in by_number(networks).items():
        for space, column in values.items():
            errors = [network.error for network in networks[space]]
            found.setdefault(space, {})[name] = good_range(column, errors)
    return found


def _normalised(networks: BySpace, errors: Mapping[str, Sequence[float]]) -> dict[str, Normalised]:
    """The weighted networks by cost, for the costs of which all spaces share a range."""
    found = {}
    for cost in _COMPLEXITIES:
        if not all(cost in network.numbers for own in networks.values() for network in own):
            continue
        values = {space: [n.numbers[cost] for n in own] for space, own in networks.items()}
        try:
            found[cost] = normalise(errors, values)
        except ConfigError:
            continue
    return found


def _spreads(spaces: Mapping[str, Sequence[Result]]) -> dict[str, SeedSpread]:
    """How much the seeds of the trainings bring, by space."""
    return {
        space: seed_spread([[float(one.error or 0) for one in r.trainings] for r in own])
        for space, own in spaces.items()
    }


def numbers(analysis: Analysis) -> str:
    """The content of results.json."""
    findings = analysis.findings
    values: dict[str, Any] = {
        "producer": PRODUCER,
        "format": FORMAT,
        "errors": analysis.errors,
        "tests": findings.tests,
        "comparisons": [{**asdict(one), "verdict": one.verdict} for one in findings.comparisons],
        "importances": analysis.shares(),
        "importance_ranges": {
            space: {name: [one.low, one.high] for name, one in own.items()}
            for space, own in findings.importances.items()
        },
        "importance_chances": {
            space: {name: one.p_value for name, one in own.items()}
            for space, own in findings.importances.items()
        },
        "shuffles": findings.shuffles,
        "normalised": {
            cost: {
                space: {"networks": one.networks[space], "effective": one.effective[space],
                        "mean": one.mean[space]}
                for space in one.mean
            }
            for cost, one in analysis.normalised.items()
        },
        **({"seeds": {space: asdict(one) for space, one in analysis.spreads.items()}}
           if analysis.spreads else {}),
    }  # fmt: skip
    return json.dumps(values, indent=2)
