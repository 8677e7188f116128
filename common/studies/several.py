"""Several studies as one, for a report that compares all of their spaces."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from common.errors import ConfigError, shortened
from common.studies.config import StudyConfig, check_name
from common.studies.table import Results
from common.studies.trials import Result


@dataclass(frozen=True)
class Told:
    """A study as a report needs it: its name, config and results."""

    name: str
    config: StudyConfig
    results: Sequence[Result]


@dataclass(frozen=True)
class Together:
    """Several studies as one.

    - `config`: that of the first, with the spaces of all; its other settings are the others', too,
      unless `differences` says so
    - `configs`: by study; `of_space`: by the name that the space has here
    - `differences`: a line for each setting that differs
    """

    config: StudyConfig
    results: Results
    configs: dict[str, StudyConfig]
    of_space: dict[str, StudyConfig]
    differences: list[str]


_NOT_COMPARED: Final = ("spaces", "networks", "format", "imported.digest", "objective.file")
"""What differs between studies by their nature, or is compared by other keys."""


def put_together(studies: Sequence[Told]) -> Together:
    """Several studies as one. A space whose name repeats is called STUDY.SPACE in all of them.

    Raises `ConfigError` for a study that is named twice.
    """
    names = [study.name for study in studies]
    if len(set(names)) < len(names):
        raise ConfigError(f"report: studies must be different; got {shortened(', '.join(names))}")
    repeated = Counter(space.name for study in studies for space in study.config.spaces)
    spaces, results, of_space = [], Results(), {}
    for study in studies:
        called = {
            space.name: f"{study.name}.{space.name}" if repeated[space.name] > 1 else space.name
            for space in study.config.spaces
        }
        for space in study.config.spaces:
            check_name("space", called[space.name])
            spaces.append(replace(space, name=called[space.name]))
            of_space[called[space.name]] = study.config
        results += [_renamed(result, called[result.network.space]) for result in study.results]
    first = studies[0].config
    config = replace(
        first,
        spaces=tuple(spaces),
        networks=max(study.config.networks for study in studies),
        seeds=min(study.config.seeds for study in studies),
        pruner=first.pruner if len({study.config.pruner for study in studies}) == 1 else "none",
        imported=_any_imported(studies),
    )
    configs = {study.name: study.config for study in studies}
    return Together(config, results, configs, of_space, differences(configs))


def differences(configs: dict[str, StudyConfig]) -> list[str]:
    """A line for each setting that is not the same in all studies, such as epochs."""
    flat = {name: dict(_flat(config.to_dict())) for name, config in configs.items()}
    settings = dict.fromkeys(key for own in flat.values() for key in own)
    lines = []
    for key in settings:
        values = {name: own.get(key, "none") for name, own in flat.items()}
        if key not in _NOT_COMPARED and len(set(map(str, values.values()))) > 1:
            told = ", ".join(f"{shortened(value)} in {name}" for name, value in values.items())
            lines.append(f"{key.removeprefix('training.')}: {told}")
    return lines


def _flat(values: dict[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """The values by keys such as training.recipe.momentum, without spaces."""
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{key}.")
        elif key != "spaces":
            yield f"{before}{key}", value


def _renamed(result: Result, space: str) -> Result:
    trainings = tuple(_renamed(one, space) for one in result.trainings)
    return replace(result, network=replace(result.network, space=space), trainings=trainings)


def _any_imported(studies: Sequence[Told]) -> Any:
    return next((study.config.imported for study in studies if study.config.imported), None)
