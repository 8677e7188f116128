"""The networks of a study as plain data for its page: columns, compact specs, thinned curves."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from common.pages import rounded
from common.reports.settings import can_train
from common.studies import ListedNetwork, Result, StudyConfig

_MAX_EPOCHS: Final = 60
"""Curves of more epochs are thinned to this number of points, of which the last is one."""

_COSTS: Final = ("params", "flops", "activations")


def population(
    config: StudyConfig,
    results: Sequence[Result],
    of_space: Mapping[str, StudyConfig] = MappingProxyType({}),
) -> dict[str, Any]:
    """All networks of a study, as the scripts of its page read them.

    - `spaces`: names of the spaces; `networks["space"]` are indices of them
    - `columns`: design parameters, costs and an objective's metrics, each with label and scale
    - `networks`: a list per field, all equally long; errors are None for networks without one
    - `epochs`: the epochs after which `networks["curves"]` has errors
    - `specs`: by space, the fields that its networks share; `networks["specs"]` has the others, and
      `networks["stages"]` the values of `stage_fields` for each stage
    - `labels`: what the networks are called that are no AnyNets and have no stages
    - `training`, `init`, `seeds`: how the networks of each space were trained, and how often;
      `training` is None if nothing here can train them
    - `objective`: the function that evaluated them instead, None for the built-in training

    Spaces may come from several studies: `of_space` gives the configs of those that are not of
    `config`.
    """
    spaces = [space.name for space in config.spaces]
    numbers = [_numbers(result) for result in results]
    names = dict.fromkeys(name for own in numbers for name in own)
    specs = [_spec(result) for result in results]
    configs = [of_space.get(space, config) for space in spaces]
    places = [spaces.index(result.network.space) for result in results]
    shared = [_shared([spec for spec, place in zip(specs, places, strict=True) if place == number])
              for number in range(len(spaces))]  # fmt: skip
    fields = list(dict.fromkeys(
        name for spec in specs for stage in spec.get("stages", ()) for name in stage
    ))  # fmt: skip
    epochs = _shown_epochs(max((len(result.errors) for result in results), default=0))
    return {
        "spaces": spaces,
        "columns": [_column(name) for name in names],
        "epochs": epochs,
        "stage_fields": fields,
        "spec_fields": list(dict.fromkeys(name for spec in specs for name in spec)),
        "specs": shared,
        "training": [own.training.to_dict() if can_train(own) else None for own in configs],
        "init": [own.init for own in configs],
        "seeds": [own.seeds for own in configs],
        "objective": [own.objective and own.objective.place for own in configs],
        "networks": {
            "space": places,
            "index": [result.network.index for result in results],
            "state": [result.state for result in results],
            "error": [rounded(result.error) for result in results],
            "seconds": [rounded(result.seconds, 4) for result in results],
            "remark": {number: result.message
                       for number, result in enumerate(results) if result.message},
            "numbers": {name: [rounded(own.get(name)) for own in numbers] for name in names},
            "curves": [[rounded(result.errors[epoch - 1], 4)
                        for epoch in epochs if epoch <= len(result.errors)] for result in results],
            "labels": {number: result.network.label for number, result in enumerate(results)
                       if isinstance(result.network, ListedNetwork)},
            "stages": [[[stage.get(name) for name in fields] for stage in spec.get("stages", ())]
                       for spec in specs],
            "specs": [{name: value for name, value in spec.items()
                       if name != "stages" and name not in shared[place]}
                      for spec, place in zip(specs, places, strict=True)],
        },
    }  # fmt: skip


def _numbers(result: Result) -> dict[str, float]:
    """Its design parameters, its costs, and what an objective measured beside the error."""
    costs = {name: getattr(result, name) for name in _COSTS}
    known = {name: cost for name, cost in costs.items() if cost is not None}
    metrics = {f"{name} (metric)": value for name, value in result.metrics.items()}
    return {**result.network.numbers, **known, **metrics}


def _spec(result: Result) -> dict[str, Any]:
    network = result.network
    return {} if isinstance(network, ListedNetwork) else network.spec.to_dict()


def _column(name: str) -> dict[str, Any]:
    whole = name in ("depth", *_COSTS)
    return {"key": name, "label": name, "log": name in _COSTS, "whole": whole}


def _shared(specs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The fields, other than the stages, that are equal in all of some specs."""
    first = specs[0] if specs else {}
    return {
        name: value
        for name, value in first.items()
        if name != "stages" and all(spec.get(name, ...) == value for spec in specs)
    }


def _shown_epochs(last: int) -> list[int]:
    """All epochs up to the last one, or `_MAX_EPOCHS` of them."""
    if last <= _MAX_EPOCHS:
        return list(range(1, last + 1))
    return [int(epoch) for epoch in np.linspace(1, last, _MAX_EPOCHS).round()]
