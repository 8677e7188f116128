"""Studies of networks that others trained, from a table of them."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import optuna
from optuna.distributions import CategoricalDistribution
from optuna.trial import FrozenTrial, TrialState

from common.arch import AnyNetSpec
from common.errors import AnyNetError, DataError, SpecError, shortened
from common.spaces import SPACES, DesignSpace
from common.studies.config import StudyConfig, check_name
from common.studies.distributions import distributions
from common.studies.fit import OWN_DATA
from common.studies.import_rows import Imported, check_columns, read_row
from common.studies.listed import IMPORTED, ListedNetwork, ListedSpace, Source
from common.studies.networks import SampledNetwork
from common.studies.read_table import RawTable, read_table
from common.studies.study import Study
from common.studies.trials import METRICS
from common.training import Row, TrainConfig
from common.training.rows import EPOCH

_STATES: Final = {
    "complete": TrialState.COMPLETE,
    "pruned": TrialState.PRUNED,
    "failed": TrialState.FAIL,
}


def import_study(
    name: str,
    url: str,
    path: str | Path,
    spaces: Sequence[DesignSpace] = (),
    image_size: int = 28,
    numbers: Sequence[str] = (),
    about: str = "",
    config: StudyConfig | None = None,
) -> Study:
    """Create a study of the networks in a table, with their results; nothing is trained.

    Every row is checked before anything is created: specs and parameters, that a network is in its
    space, and costs, which are counted again. Raises `DataError`, which names the row,
    `ConfigError` for the arguments, and `StudyError` if the name is taken.

    - `path`: FILE.csv, or FILE.json in the form of NAS-Bench-Macro
    - `spaces`: those of the networks; without any, each is known by the name in the table alone
    - `image_size`: side of the images at which costs are counted
    - `numbers`: columns that describe networks which are no AnyNets
    - `about`: how the networks were trained
    - `config`: that of the study that trained them, instead of `spaces` and `image_size`
    """
    path = Path(path)
    table = read_table(path)
    numbers = tuple(numbers) or table.numbers
    check_columns(table, str(path), numbers)
    listed = table.is_listed or bool(numbers)
    if config is not None:
        spaces = [space for space in config.spaces if not isinstance(space, ListedSpace)]
    else:
        spaces = [_fitting(space, table) for space in spaces]
    size = config.training.resize if config else (image_size, image_size)
    known = {space.name: space for space in spaces}
    usual = spaces[0].name if len(spaces) == 1 else path.stem
    rows = [read_row(row, known, usual, size, numbers, listed) for row in table.rows]
    networks = _numbered(rows, table)
    names = list(dict.fromkeys([*known, *(own[0].network.space for own in networks)]))
    for space in names:
        _check_space_name(space, path)
    source = Source(path.name, table.digest, about)
    made = _config(networks, names, known, size, source, config)
    return Study.create_imported(name, url, made, _trials(networks, names))


def _fitting(space: DesignSpace, table: RawTable) -> DesignSpace:
    """A predefined space with the channels and classes of the table's first network."""
    first = table.rows[0].cells.get("spec")
    if first is None or space not in SPACES.values():
        return space
    try:
        spec = AnyNetSpec.from_json(first)
    except SpecError:
        return space  # the row's check tells
    template = replace(space.template, in_channels=spec.in_channels, num_classes=spec.num_classes)
    return replace(space, template=template)


def _check_space_name(space: str, path: Path) -> None:
    try:
        check_name("space", space)
    except AnyNetError as error:
        raise DataError(f"{path}: {error}; give a column space, or rename the file") from error


def _numbered(rows: Sequence[Imported], table: RawTable) -> list[list[Imported]]:
    """The rows of each network, numbered in its space, in the order of their seeds.

    Rows of one network with different seeds are its trainings. Raises `DataError` for a network
    that occurs twice with one seed, unless all have equally many seeds, and for a training that is
    one of several and not complete.
    """
    found: dict[object, list[Imported]] = {}
    counts: dict[str, int] = {}
    has_index = "index" in table.columns
    for row in rows:
        space = row.network.space
        if not has_index:
            key: object = (space, _identity(row.network)) if row.seed is not None else row.where
            if key not in found:
                counts[space] = counts.get(space, -1) + 1
            index = found[key][0].network.index if key in found else counts[space]
        else:
            index = row.network.index
            key = (space, index)
        own = found.setdefault(key, [])
        row = replace(row, network=replace(row.network, index=index))
        _check_repeat(row, own)
        own.append(row)
    first = next(iter(found.values()))
    for own in found.values():
        if len(own) != len(first):
            raise DataError(
                f"{own[0].where}: networks must have equally many seeds, {len(first)} as the first "
                f"one; got {len(own)}"
            )
        own.sort(key=lambda row: row.seed or 0)
        for row in own:
            if len(own) > 1 and row.state != "complete":
                raise DataError(
                    f"{row.where}: state must be complete, since networks have several seeds; got "
                    f"{row.state}"
                )
    return list(found.values())


def _check_repeat(row: Imported, others: Sequence[Imported]) -> None:
    for other in others:
        if _identity(row.network) != _identity(other.network):
            raise DataError(
                f"{row.where}: {row.network.name} must be one network; got another one than in "
                f"{other.where}"
            )
        if row.seed is None or row.seed == other.seed:
            raise DataError(
                f"{row.where}: {row.network.name} must be there once for each seed; got it again "
                f"after {other.where}"
            )


def _identity(network: SampledNetwork | ListedNetwork) -> object:
    if isinstance(network, SampledNetwork):
        return network.spec
    return network.label, tuple(sorted(network.numbers.items()))


def _config(
    networks: Sequence[Sequence[Imported]],
    names: Iterable[str],
    known: dict[str, DesignSpace],
    size: tuple[int, int],
    source: Source,
    config: StudyConfig | None,
) -> StudyConfig:
    largest = max(Counter(own[0].network.space for own in networks).values())
    rows, seeds = [row for own in networks for row in own], len(networks[0])
    if config is not None:
        return replace(config, networks=largest, seeds=seeds, imported=source)
    training = TrainConfig(
        "torch",
        spec=None,
        data=OWN_DATA,
        epochs=max(row.epochs for row in rows),
        resize=size,
        seed=min(row.seed or 0 for row in rows),
    )
    spaces = tuple(known.get(name, ListedSpace(name)) for name in names)
    return StudyConfig(spaces, largest, training=training, seeds=seeds, imported=source)


def _trials(networks: Sequence[Sequence[Imported]], spaces: Sequence[str]) -> list[FrozenTrial]:
    """A finished trial for each network."""
    parameters = [own[0].network.parameters for own in networks]
    kinds = distributions(parameters)
    space = {"space": CategoricalDistribution(tuple(spaces))}
    return [
        optuna.create_trial(
            state=_STATES[own[0].state],
            value=_mean([row.error for row in own]),
            params={"space": own[0].network.space, **values},
            distributions={**space, **{name: kinds[name] for name in values}},
            intermediate_values=dict(enumerate(own[0].errors, 1)) if len(own) == 1 else {},
            user_attrs=_attributes(own),
        )
        for own, values in zip(networks, parameters, strict=True)
    ]


def _mean(errors: Sequence[float | None]) -> float | None:
    known = [error for error in errors if error is not None]
    return sum(known) / len(known) if known else None


def _attributes(own: Sequence[Imported]) -> dict[str, Any]:
    first = own[0]
    network = first.network
    what = (
        {"spec": network.spec.to_json()} if isinstance(network, SampledNetwork)
        else {"label": network.label, "numbers": dict(network.numbers)}
    )  # fmt: skip
    message = first.message or ("imported as failed" if first.state == "failed" else "")
    seconds = [row.seconds for row in own if row.seconds is not None]
    return {
        "network": network.name,
        "index": network.index,
        **what,
        **first.costs,
        **({"message": message} if message else {}),
        **({"seconds": sum(seconds)} if seconds else {}),
        "record": [row for one in own for row in _record(one, len(own) > 1)],
    }


def _record(row: Imported, several: bool) -> tuple[Row, ...]:
    """What the table tells of a training; one of `several` keeps its own error and duration."""
    first: Row = {"kind": IMPORTED, "row": shortened(row.where)}
    if row.seed is not None:
        first["seed"] = row.seed
    if several:
        first |= {"error": row.error, "seconds": row.seconds}
    errors = [{"kind": EPOCH, "epoch": n, "error": one} for n, one in enumerate(row.errors, 1)]
    metrics = [{"kind": METRICS, METRICS: dict(row.metrics)}] if row.metrics else []
    return first, *errors, *metrics
