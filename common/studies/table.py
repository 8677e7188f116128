"""The networks of a study as a table: CSV or Parquet."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from common.errors import ConfigError
from common.files import PRODUCER, replacing
from common.studies.columns import Table, table_of
from common.studies.networks import SampledNetwork
from common.studies.trials import AnyNetwork, Result

if TYPE_CHECKING:
    from pandas import DataFrame


def rows(results: Sequence[Result]) -> list[dict[str, Any]]:
    """One row per network: its parameters, its costs and its result."""
    return list(_table(results).rows())


class Results(list[Result]):
    """The networks of a study with their results, ordered by space and index."""

    def to_table(self) -> Table:
        """One row per network, with the columns of `anynet study export`."""
        return _table(self)

    def to_frame(self) -> "DataFrame":
        """The same as a pandas DataFrame. Raises `BackendError` if pandas is not installed."""
        return _table(self).to_frame()


def _table(results: Sequence[Result], first_seed: int | None = None) -> Table:
    return table_of([
        {
            "space": result.network.space,
            "index": result.network.index,
            "state": result.state,
            "error": result.error,
            "params": result.params,
            "flops": result.flops,
            "activations": result.activations,
            "seconds": result.seconds,
            **({} if first_seed is None else {"seed": _seed(result, first_seed)}),
            "attempts": result.attempts,
            **{name.replace(" ", "_"): value
               for name, value in result.network.numbers.items()},
            **result.network.parameters,
            **{f"error_{epoch}": error for epoch, error in enumerate(result.errors, 1)},
            **{f"metric_{name}": value for name, value in result.metrics.items()},
            **{f"error_repeat_{n}": one.error for n, one in enumerate(result.trainings)},
            "message": result.message,
            **_described(result.network),
        }
        for result in results
    ])  # fmt: skip


def _seed(training: Result, first: int) -> int:
    """The seed of a training, which that of an imported table may tell."""
    told = next((row["seed"] for row in training.record if "seed" in row), None)
    return first + training.network.repeat if told is None else int(told)


def _described(network: AnyNetwork) -> dict[str, str]:
    if isinstance(network, SampledNetwork):
        return {"spec": network.spec.to_json()}
    return {"network": network.label}


_MARK: Final = {"producer": PRODUCER, "format": "1"}
"""Metadata of a Parquet file; CSV has none."""


def export_table(results: Sequence[Result], path: Path, first_seed: int | None = None) -> None:
    """Write the table atomically, in the format of the suffix. Raises `ConfigError`.

    With `first_seed`, that of the study, the results are trainings, and a column has their seeds.
    """
    import pyarrow
    from pyarrow import csv, parquet

    if path.suffix not in (".csv", ".parquet"):
        raise ConfigError(f"{path}: must end in .csv or .parquet")
    table = pyarrow.Table.from_pylist(
        list(_table(results, first_seed).rows())
    ).replace_schema_metadata(_MARK)
    with replacing(path) as temporary:
        if path.suffix == ".csv":
            csv.write_csv(table, str(temporary))
        else:
            parquet.write_table(table, str(temporary))
