"""Tables of trained networks in CSV, and in JSON as NAS-Bench-Macro has them: their rows."""

import csv
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import xxhash

from common.errors import DataError, shortened, shown
from common.files import read_bytes, reading

_MAX_BYTES: Final = 1 << 28
_MAX_ROWS: Final = 1_000_000

COSTS: Final = ("params", "flops", "activations")
_KEYS: Final = {"test_acc", "errors", "mean_acc", "std", *COSTS}
"""Keys of a network in JSON."""


@dataclass(frozen=True)
class TableRow:
    """A row of a table as text; `where` names it in messages. Empty cells are left out."""

    where: str
    cells: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RawTable:
    """The rows of a file, its digest, and the columns that describe networks of other kinds."""

    rows: Sequence[TableRow]
    columns: tuple[str, ...]
    digest: str
    numbers: tuple[str, ...] = ()
    is_listed: bool = False


def read_table(path: Path) -> RawTable:
    """The rows of FILE.csv or FILE.json. Raises `DataError`, which names the row."""
    content = read_bytes(path, "a table of networks", max_bytes=_MAX_BYTES)
    digest = xxhash.xxh3_128_hexdigest(content)
    with reading(path, "a table of networks in UTF-8"):
        text = content.decode("utf-8-sig")
    if path.suffix.lower() == ".json":
        rows, numbers = _from_json(text, path)
        names = dict.fromkeys(name for row in rows for name in row.cells)
        return RawTable(rows, tuple(names), digest, numbers, is_listed=True)
    if path.suffix.lower() != ".csv":
        raise DataError(f"{path}: must end in .csv or .json; got {shown(path.suffix)}")
    return RawTable(*_from_csv(text, path), digest)


def _from_csv(text: str, path: Path) -> tuple[list[TableRow], tuple[str, ...]]:
    # A cell may hold a whole spec; the module's default limit would do for all but the longest.
    with reading(path, "a table in CSV"):
        lines = list(csv.reader(text.splitlines(keepends=True), strict=True))
    if not lines or len(lines) > _MAX_ROWS:
        raise DataError(f"{path}: must have 1 to {_MAX_ROWS:,} rows; got {len(lines) - 1:,}")
    head = [name.strip() for name in lines[0]]
    if len(set(head)) < len(head) or "" in head:
        raise DataError(f"{path}: columns must have different names; got {shown(head)}")
    rows = []
    for number, line in enumerate((line for line in lines[1:] if line), 1):
        where = f"{path}, row {number}"
        if len(line) != len(head):
            raise DataError(f"{where}: must have {len(head)} cells; got {len(line)}")
        cells = {name: cell.strip() for name, cell in zip(head, line, strict=True) if cell.strip()}
        rows.append(TableRow(where, cells))
    if not rows:
        raise DataError(f"{path}: must have networks; got only a head")
    return rows, tuple(head)


def _from_json(text: str, path: Path) -> tuple[list[TableRow], tuple[str, ...]]:
    """One row for each seed of each network, and the columns of its encoding's characters."""
    with reading(path, "a JSON object of networks by their encoding"):
        found = json.loads(text)
    if not isinstance(found, dict) or not found:
        raise DataError(
            f"{path}: must be a JSON object of networks by their encoding; got {shown(found)}"
        )
    numbers = _positions(list(found))
    rows: list[TableRow] = []
    for number, (label, network) in enumerate(found.items(), 1):
        where = f"{path}, network {number}"
        if not isinstance(network, dict) or (unknown := network.keys() - _KEYS):
            got = shown(network) if not isinstance(network, dict) else shown(sorted(unknown)[0])
            raise DataError(f"{where}: keys must be among {', '.join(sorted(_KEYS))}; got {got}")
        costs = {name: str(network[name]) for name in COSTS if name in network}
        own = {"network": label, "index": str(number - 1), **costs, **_encoded(label, numbers)}
        for seed, error in enumerate(_errors(network, where)):
            rows.append(TableRow(where, {**own, "seed": str(seed), "error": repr(error)}))
    if not numbers and not any(name in row.cells for row in rows for name in COSTS):
        raise DataError(
            f"{path}: networks must have params, flops or activations, or encodings of equally "
            f"many digits; got neither, such as {shown(rows[0].cells['network'])}"
        )
    return rows, numbers


def _positions(labels: Sequence[str]) -> tuple[str, ...]:
    """A column for each character of encodings of equal length, if all are digits."""
    length = len(labels[0])
    digits = all(len(label) == length and label.isdecimal() for label in labels)
    return tuple(f"position_{n}" for n in range(1, length + 1)) if digits else ()


def _encoded(label: str, numbers: Sequence[str]) -> dict[str, str]:
    return dict(zip(numbers, label, strict=True)) if numbers else {}


def _errors(network: Mapping[str, Any], where: str) -> Iterator[float]:
    """The errors with each seed: shares, or from accuracies in percent."""
    if ("test_acc" in network) == ("errors" in network):
        raise DataError(f"{where}: must have test_acc, in percent, or errors, as shares; got "
                        f"{shown(list(network))}")  # fmt: skip
    values = network.get("test_acc", network.get("errors"))
    values = values if isinstance(values, list) else [values]
    if not values or not all(type(value) in (int, float) for value in values):
        raise DataError(
            f"{where}: accuracies must be numbers, one for each seed; got {shown(values)}"
        )
    mean = network.get("mean_acc")
    if mean is not None and not _near(mean, math.fsum(values) / len(values)):
        raise DataError(f"{where}: mean_acc must be the mean of test_acc; got {shortened(mean)}")
    return ((100 - value) / 100 if "test_acc" in network else float(value) for value in values)


def _near(mean: object, expected: float) -> bool:
    return type(mean) in (int, float) and abs(mean - expected) < 1e-3  # type: ignore[operator]
