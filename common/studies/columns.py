"""Tables of networks in memory, by columns."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from common.errors import BackendError, ConfigError, shown, told

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True)
class Table:
    """Columns of equal length by name; None where a row has no value."""

    columns: Mapping[str, Sequence[Any]]

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def __getitem__(self, name: str) -> Sequence[Any]:
        if name not in self.columns:
            names = ", ".join(self.columns)
            raise ConfigError(f"table: columns are {names}; got {shown(name)}")
        return self.columns[name]

    def rows(self) -> Iterator[dict[str, Any]]:
        """Each row as a dictionary."""
        for values in zip(*self.columns.values(), strict=True):
            yield dict(zip(self.columns, values, strict=True))

    def where(self, **values: object) -> "Table":
        """The rows whose columns have these values. Raises `ConfigError` for an unknown column."""
        kept = [
            index for index in range(len(self))
            if all(self[name][index] == value for name, value in values.items())
        ]  # fmt: skip
        return Table({name: [own[i] for i in kept] for name, own in self.columns.items()})

    def to_frame(self) -> "DataFrame":
        """A pandas DataFrame. Raises `BackendError` if pandas is not installed."""
        try:
            from pandas import DataFrame
        except ImportError as error:
            raise BackendError(
                f"pandas: must be installed for a DataFrame; got {told(error)}; install "
                "it, or use the columns"
            ) from error
        return DataFrame(dict(self.columns))


def table_of(rows: Sequence[Mapping[str, Any]]) -> Table:
    """The table of rows, with None for a column that a row lacks."""
    names = dict.fromkeys(name for row in rows for name in row)
    return Table({name: [row.get(name) for row in rows] for name in names})
