"""Rows of a table as trained networks: every value is checked, and costs are counted again."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal, NoReturn, TypeVar

from common.arch import AnyNetSpec, RegNetSpec, StageSpec
from common.bounds import (
    MAX_BLOCKS,
    MAX_CHANNELS,
    MAX_COUNTED,
    MAX_EPOCHS,
    MAX_NETWORKS,
    MAX_SEED,
    MAX_STAGES,
)
from common.errors import AnyNetError, DataError, SpecError, shortened, shown
from common.numbers import checked_integer, checked_number
from common.spaces import DesignSpace, Template
from common.spaces.population import inverse
from common.studies.listed import ListedNetwork
from common.studies.networks import SampledNetwork, complexity, design, stage_parameters
from common.studies.objective import checked_metric, checked_share
from common.studies.read_table import COSTS, RawTable, TableRow

State = Literal["complete", "pruned", "failed"]
_STATES: Final = ("complete", "pruned", "failed")
_STAGE: Final = re.compile(r"([dwbg])([1-9]\d*)")
_EPOCH: Final = re.compile(r"error_([1-9]\d*)")
_METRIC: Final = "metric_"
_REGNET: Final = ("w_0", "w_a", "w_m")
_DESIGN: Final = ("depth", "width", "bottleneck_ratio", "group_width")
_PLAIN: Final = {
    "space", "index", "network", "seed", "spec", "state", "error", "epochs", "seconds", "attempts",
    "message", *COSTS, *_DESIGN, *_REGNET,
}  # fmt: skip
_LARGEST: Final = 1e300
_T = TypeVar("_T")


@dataclass(frozen=True)
class Imported:
    """A row: a network with its result. `where` names the row in messages."""

    where: str
    network: SampledNetwork | ListedNetwork
    state: State
    error: float | None
    errors: tuple[float, ...]
    costs: Mapping[str, int]
    epochs: int
    seed: int | None = None
    seconds: float | None = None
    message: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)


def check_columns(table: RawTable, file: str, numbers: Sequence[str]) -> None:
    """Raise `DataError` for columns that nobody would read; `numbers` are those of --design."""
    if missing := [name for name in numbers if name not in table.columns]:
        raise DataError(f"{file}: must have the columns of --design; got no {missing[0]}")
    known = (*_PLAIN, *numbers)
    for name in table.columns:
        if name.startswith("error_repeat_"):
            raise DataError(
                f"{file}: must have a row for each seed; got the column {name}; write it by "
                "anynet study export --each-seed"
            )
        own = name in known or _STAGE.fullmatch(name) or _EPOCH.fullmatch(name)
        if not own and not name.startswith(_METRIC):
            raise DataError(
                f"{file}: columns must be among {', '.join(sorted(_PLAIN))}, d1, w1, b1, g1, ..., "
                f"error_1, ... and {_METRIC}NAME; got {shown(name)}; --design names those of "
                "networks that are no AnyNets"
            )


def read_row(
    row: TableRow,
    spaces: Mapping[str, DesignSpace],
    usual_space: str,
    size: tuple[int, int],
    numbers: Sequence[str],
    listed: bool,
) -> Imported:
    """The network of a row. Raises `DataError`, which names the row.

    - `spaces`: known spaces by name; if there are any, a network must be in its own
    - `usual_space`: the name of its space, unless the row has one
    - `size`: (height, width) of the images at which costs are counted
    - `numbers`: columns of a network that is no AnyNet
    - `listed`: whether it is one
    """
    cells = _Cells(row)
    space = row.cells.get("space", usual_space)
    if spaces and space not in spaces:
        cells.refuse("space", f"must be one of {shortened(', '.join(spaces))}", space)
    index = cells.integer("index", 0, MAX_NETWORKS - 1, 0)
    network: SampledNetwork | ListedNetwork
    if listed:
        values = {name: cells.number(name) for name in numbers}
        label = row.cells.get("network", f"{space}/{index}")
        network = ListedNetwork(space, index, shortened(label), values)
        costs = {name: cells.integer(name, 0, MAX_COUNTED) for name in COSTS if name in row.cells}
    else:
        spec = _spec(cells, spaces.get(space))
        _check_design(cells, spec)
        network = SampledNetwork(space, index, spec)
        costs = _costs(cells, spec, size)
    return _with_result(cells, network, costs)


def _with_result(
    cells: "_Cells", network: SampledNetwork | ListedNetwork, costs: Mapping[str, int]
) -> Imported:
    given = cells.row.cells
    state = given.get("state", "complete")
    if state not in _STATES:
        cells.refuse("state", f"must be one of {', '.join(_STATES)}", state)
    error = cells.share("error") if "error" in given else None
    if error is None and state == "complete":
        cells.refuse("error", "must be given for a complete network", "none")
    if error is not None and state != "complete":
        cells.refuse("error", f"must be left out for a {state} network", given["error"])
    errors = _errors(cells)
    epochs = cells.integer("epochs", max(1, len(errors)), MAX_EPOCHS, max(1, len(errors)))
    return Imported(
        cells.row.where,
        network,
        state,  # type: ignore[arg-type]
        error,
        errors,
        costs,
        epochs,
        cells.integer("seed", 0, MAX_SEED) if "seed" in given else None,
        cells.number("seconds", 0) if "seconds" in given else None,
        shortened(given.get("message", "")),
        {
            name.removeprefix(_METRIC): cells.checked(name, checked_metric)
            for name in given
            if name.startswith(_METRIC)
        },
    )


class _Cells:
    """The cells of a row as numbers. Errors are `DataError` and name row and column."""

    def __init__(self, row: TableRow) -> None:
        self.row = row

    def refuse(self, name: str, rule: str, got: object, remedy: str = "") -> NoReturn:
        """Raise `DataError`."""
        raise DataError(f"{self.row.where}: {name} {rule}; got {shortened(got)}{remedy}")

    def integer(self, name: str, low: int, high: int, usual: int | None = None) -> int:
        """An integer from `low` to `high`; `usual` if the cell is empty."""
        if name not in self.row.cells and usual is not None:
            return usual
        value = self.number(name, -math.inf)
        if not value.is_integer():
            self.refuse(name, "must be an integer", self.row.cells[name])
        text = self.row.cells[name]
        exact = int(text) if text.lstrip("+-").isdecimal() else int(value)
        return self.checked(name, lambda where, _: checked_integer(where, exact, low, high))

    def number(self, name: str, low: float = -_LARGEST) -> float:
        """A finite number of at least `low`."""
        text = self.row.cells.get(name)
        if text is None:
            self.refuse(name, "must be given", "an empty cell")
        try:
            value = float(str(text))
        except ValueError:
            self.refuse(name, "must be a number", text)
        low = max(low, -_LARGEST)
        return self.checked(name, lambda where, _: checked_number(where, value, low, _LARGEST))

    def share(self, name: str) -> float:
        """An error from 0 to 1."""
        if 1 < (value := self.number(name)) <= 100:
            self.refuse(name, "must be a share from 0 to 1", value, "; divide percentages by 100")
        return self.checked(name, lambda where, _: checked_share(where, value))

    def checked(self, name: str, check: Callable[[str, float], _T]) -> _T:
        """What `check` makes of a cell's column and number."""
        try:
            return check(name, float(self.row.cells[name]))
        except (AnyNetError, ValueError) as error:
            raise DataError(f"{self.row.where}: {error}") from error


def _errors(cells: _Cells) -> tuple[float, ...]:
    """The errors after each epoch: of epochs 1 to n, without gaps."""
    found = {int(name[6:]): name for name in cells.row.cells if _EPOCH.fullmatch(name)}
    for epoch in range(1, len(found) + 1):
        if epoch not in found:
            cells.refuse(f"error_{epoch}", "must be given, as a later epoch is", "an empty cell")
    return tuple(cells.share(found[epoch]) for epoch in sorted(found))


def _spec(cells: _Cells, space: DesignSpace | None) -> AnyNetSpec:
    """The network of a row, by its spec, the parameters of its stages, or those of a RegNet."""
    given = cells.row.cells
    stages = any(_STAGE.fullmatch(name) for name in given)
    made: AnyNetSpec | None = None
    try:
        if stages and space is not None:
            made = _of_stages(cells, space.template)
        elif "w_0" in given and space is not None:
            made = _of_regnet(cells, space.template)
        if "spec" in given:
            spec = AnyNetSpec.from_json(given["spec"])
            if made is None and stages:
                made = replace(spec, stages=_stages(cells, spec.block == "resnext"))
        elif made is not None:
            spec = made
        else:
            remedy = "" if space else ", whose template says the rest; add --space"
            cells.refuse("spec", "must be given, or the parameters of a space", "neither", remedy)
    except SpecError as error:
        raise DataError(f"{cells.row.where}: {error}") from error
    if made is not None and made != spec:
        raise DataError(
            f"{cells.row.where}: its parameters must be those of its spec; got "
            f"{shown(_different(stage_parameters(spec), stage_parameters(made)))}"
        )
    if space is not None and not space.contains(spec):
        raise DataError(
            f"{cells.row.where}: must be a network of the space {space.name}; got another one; "
            "give its own space, or none"
        )
    return spec


def _stages(cells: _Cells, grouped: bool) -> tuple[StageSpec, ...]:
    count = max(int(found[2]) for name in cells.row.cells if (found := _STAGE.fullmatch(name)))
    stages = []
    for n in range(1, min(count, MAX_STAGES) + 1):
        depth, width = (cells.integer(f"{letter}{n}", 1, MAX_CHANNELS) for letter in "dw")
        if grouped:
            group = cells.integer(f"g{n}", 1, MAX_CHANNELS)
            stages.append(StageSpec(depth, width, group, inverse(cells.number(f"b{n}", 0))))
        else:
            stages.append(StageSpec(depth, width))
    return tuple(stages)


def _of_stages(cells: _Cells, template: Template) -> AnyNetSpec:
    return template.network(_stages(cells, template.block == "resnext"))


def _of_regnet(cells: _Cells, template: Template) -> AnyNetSpec:
    """The network of depth, w_0, w_a, w_m, group_width and bottleneck_ratio (1 if left out)."""
    ratio = cells.number("bottleneck_ratio", 0) if "bottleneck_ratio" in cells.row.cells else 1
    regnet = RegNetSpec(
        cells.integer("depth", 1, MAX_BLOCKS),
        cells.integer("w_0", 1, MAX_CHANNELS),
        cells.number("w_a"),
        cells.number("w_m"),
        cells.integer("group_width", 1, MAX_CHANNELS),
        inverse(ratio),
    )
    return template.network(regnet.stages)


def _check_design(cells: _Cells, spec: AnyNetSpec) -> None:
    """Raise `DataError` if a design number of the row is not that of the spec."""
    if any(name in cells.row.cells for name in _REGNET):
        return
    for name, expected in design(spec).items():
        column = name.replace(" ", "_")
        if column in cells.row.cells and not math.isclose(cells.number(column), expected):
            cells.refuse(column, f"must be that of its spec, {expected:g}", cells.row.cells[column])


def _costs(cells: _Cells, spec: AnyNetSpec, size: tuple[int, int]) -> dict[str, int]:
    """The network's costs. Raises `DataError` if the row has others."""
    try:
        counted = complexity(spec, size)
    except SpecError as error:
        raise DataError(f"{cells.row.where}: {error}") from error
    for name, expected in counted.items():
        if name in cells.row.cells and cells.integer(name, 0, MAX_COUNTED) != expected:
            remedy = (
                "" if name == "params" else "; --image-size says at which size they are counted"
            )
            cells.refuse(name, f"must be {expected:,}, that of its spec at {size[0]}x{size[1]}",
                         cells.row.cells[name], remedy)  # fmt: skip
    return counted


def _different(expected: Mapping[str, float], found: Mapping[str, float]) -> dict[str, float]:
    return {name: value for name, value in found.items() if expected.get(name) != value}
