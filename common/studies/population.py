"""The population: a table of every network that this project trained, in one Parquet file."""

import csv
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from common.arch import AnyNetSpec
from common.errors import DataError, SpecError, shortened, told
from common.files import PRODUCER, check_format, read_json, read_text, reading, replacing
from common.installs import how_to_install
from common.studies.columns import Table, table_of
from common.studies.networks import complexity
from common.training import read_record
from common.training.rows import EPOCH

FORMAT: Final = 1
"""Version of the file, stored in the metadata of its schema."""

POPULATION: Final = Path(__file__).with_name("population.parquet")
"""The table that the package contains."""

_TABLES: Final = ("trainings.csv", "networks.csv")
"""A study's table; the first that is there counts."""

_COSTS: Final = ("params", "flops", "activations")
_MAX_BYTES: Final = 1 << 28


def load_population(path: str | Path = POPULATION) -> Table:
    """The table of all networks that this project trained, one row for each training.

    docs/population.md describes its columns. `path` is another table that `save_population` wrote.
    Raises `DataError`.
    """
    parquet = _parquet()
    with reading(path, "a population in Parquet"):
        found = parquet.read_table(path)
        version = (found.schema.metadata or {}).get(b"format", b"none").decode()
        check_format(int(version) if version.isdigit() else version, FORMAT, str(path))
        return Table(found.to_pydict())


def save_population(table: Table, path: str | Path) -> None:
    """Write a population to one Parquet file, atomically. Raises `DataError` without pyarrow."""
    parquet = _parquet()
    import pyarrow

    kinds = {
        "index": pyarrow.int32(), "seed": pyarrow.int64(), "image_size": pyarrow.int32(),
        "error": pyarrow.float64(), "errors": pyarrow.list_(pyarrow.float64()),
        "seconds": pyarrow.float64(), **dict.fromkeys(_COSTS, pyarrow.int64()),
    }  # fmt: skip
    schema = pyarrow.schema(
        [(name, kinds.get(name, pyarrow.string())) for name in table.columns],
        {"producer": PRODUCER, "format": str(FORMAT)},
    )
    made = pyarrow.table(dict(table.columns), schema)
    with replacing(path) as temporary:
        parquet.write_table(made, str(temporary), compression="zstd", compression_level=19)


def collect_population(folders: Iterable[str | Path]) -> Table:
    """The population in folders: of every study.json with its table, and every run directory.

    The table is networks.csv, or trainings.csv with a row for each seed (`anynet study export`).
    Networks that were imported, or that an objective evaluated, are left out. Costs are counted
    again from the specs. Raises `DataError` for a row whose costs differ, and if there are no
    records.
    """
    rows: list[dict[str, Any]] = []
    for root in map(Path, folders):
        for path in sorted(root.rglob("study.json")):
            table = next((path.parent / name for name in _TABLES
                          if (path.parent / name).is_file()), None)  # fmt: skip
            if table is not None:
                rows += _study(table, _named(path.parent, root))
        for path in sorted(root.rglob("config.json")):
            if (path.parent / "record.jsonl").is_file():
                parent = path.parent.parent
                index = sum(row["study"] == _named(parent, root) for row in rows)
                rows.append(_run(path.parent, _named(parent, root), index))
    if not rows:
        raise DataError(
            "population: folders must have study.json with networks.csv, or config.json with "
            f"record.jsonl; got none in {shortened(', '.join(map(str, folders)))}"
        )
    return table_of(rows)


def _named(folder: Path, root: Path) -> str:
    """A folder's path from the parent of `root`, such as studies/spaces."""
    return folder.absolute().relative_to(root.absolute().parent).as_posix()


def _study(path: Path, name: str) -> Iterator[dict[str, Any]]:
    """The rows of a study's complete networks, from its table."""
    folder = path.parent
    config = read_json(folder / "study.json", "a study.json", max_bytes=_MAX_BYTES)
    text = read_text(path, "a table of networks", max_bytes=_MAX_BYTES)
    with reading(folder, "a study with its networks"):
        if config.get("imported") or config.get("objective"):
            return
        spaces = {space["name"]: _compact(space) for space in config["spaces"]}
        training = config["training"]
        for number, row in enumerate(csv.DictReader(text.splitlines(keepends=True)), 1):
            if not row["error"]:
                continue
            spec = _spec(row["spec"], f"{path}, network {number}")
            costs = _counted(spec, training["resize"])
            if given := {one: row[one] for one in _COSTS if int(row[one]) != costs[one]}:
                raise DataError(
                    f"{path}, network {number}: its costs must be those of its spec, "
                    f"{shortened(costs)}; got {shortened(given)}"
                )
            about = {
                "study": name,
                "space": row["space"],
                "index": int(row["index"]),
                "network": f"{row['space']}/{row['index']}",
                "backend": training["backend"],
            }
            more = {
                "image_size": training["resize"][0],
                **costs,
                "seconds": float(row["seconds"]) if row["seconds"] else None,
                "message": row["message"],
                "spec": _compact(json.loads(row["spec"])),
                "space_definition": spaces[row["space"]],
                "init": config.get("init", "xavier"),
                "error_of": config.get("error_of", "last"),
                "training": _compact(_settings(training)),
            }
            for results in _trainings(row, training["seed"]):
                yield {**about, **results, **more}


def _trainings(row: dict[str, str], first: int) -> Iterator[dict[str, Any]]:
    """Seed and errors of each training that a row tells of.

    A row is one training, or the mean of several, whose errors after each epoch it does not have;
    `trainings.csv` has a row for each.
    """
    repeats = [row[name] for name in row if name.startswith("error_repeat_") and row[name]]
    for repeat, error in enumerate(repeats):
        yield {"seed": first + repeat, "error": float(error), "errors": []}
    if not repeats:
        seed = int(row["seed"]) if row.get("seed") else first
        yield {"seed": seed, "error": float(row["error"]), "errors": _errors(row)}


def _run(folder: Path, name: str, index: int) -> dict[str, Any]:
    """The row of a single run, which is of no space."""
    config = read_json(folder / "config.json", "the config of a run", max_bytes=_MAX_BYTES)
    epochs = [row for row in read_record(folder / "record.jsonl") if row["kind"] == EPOCH]
    with reading(folder, "a run with its record"):
        spec = _spec(json.dumps(config["spec"]), str(folder))
        errors = [1 - row["val_accuracy"] for row in epochs]
        return {
            "study": name,
            "space": "",
            "index": index,
            "network": folder.name,
            "backend": config["backend"],
            "seed": config["seed"],
            "error": errors[-1],
            "errors": errors,
            "image_size": config["resize"][0],
            **_counted(spec, config["resize"]),
            "seconds": sum(row["seconds"] for row in epochs),
            "message": "",
            "spec": _compact(config["spec"]),
            "space_definition": "",
            "init": config.get("init", "xavier"),
            "error_of": "last",
            "training": _compact(_settings(config)),
        }


def _errors(row: dict[str, str]) -> list[float]:
    """The errors after each epoch, as far as the network was trained."""
    columns = [name for name in row if name.startswith("error_") and name[6:].isdigit()]
    return [float(row[name]) for name in sorted(columns, key=lambda n: int(n[6:])) if row[name]]


def _settings(training: dict[str, Any]) -> dict[str, Any]:
    """The training settings as they were recorded, without what other columns have."""
    return {
        name: value for name, value in training.items() if name not in ("spec", "format", "digest")
    }


def _spec(text: str, where: str) -> AnyNetSpec:
    try:
        return AnyNetSpec.from_json(text)
    except SpecError as error:
        raise DataError(f"{where}: {error}") from error


def _counted(spec: AnyNetSpec, size: list[int]) -> dict[str, int]:
    return complexity(spec, (size[0], size[1]))


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def _parquet() -> Any:
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise DataError(
            f"population: needs pyarrow; got {told(error)}; {how_to_install('study')}"
        ) from error
    return parquet
