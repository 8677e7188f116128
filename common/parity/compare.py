"""The records of the backends held against each other, pair by pair."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from common.errors import WeightsError
from common.parity.tolerances import relative_error, tolerance

Record = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Difference:
    """How far two backends are apart in one array, relatively."""

    pair: tuple[str, str]
    case: str
    quantity: str
    array: str
    error: float

    @property
    def within(self) -> bool:
        """Whether the error is inside its tolerance."""
        return self.error <= tolerance(self.quantity)

    def __str__(self) -> str:
        where = f"{self.quantity} of {self.array}" if self.array else self.quantity
        return (
            f"{' and '.join(self.pair)}, case {self.case}: {where} must agree to "
            f"{tolerance(self.quantity):.0e} relative; got {self.error:.1e}"
        )


def read_records(directory: Path) -> dict[str, Record]:
    """Every backend's record in `directory` by backend. Raises `WeightsError`."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    records = {}
    for path in sorted(directory.glob("*.safetensors")):
        try:
            records[path.stem] = load_file(path)
        except (SafetensorError, OSError) as error:
            raise WeightsError(f"{path}: must be a parity record; got {error}") from error
    if len(records) < 2:
        raise WeightsError(
            f"{directory}: must hold the records of two backends or more; got {len(records)}"
        )
    return records


def compare(records: Mapping[str, Record]) -> Iterator[Difference]:
    """Every array of every pair, in the order of execution within each case.

    Raises `WeightsError` when two records do not hold the same arrays.
    """
    for first, second in combinations(records, 2):
        ours, theirs = records[first], records[second]
        if set(ours) != set(theirs):
            only = sorted(set(ours) ^ set(theirs))
            raise WeightsError(
                f"{first} and {second}: records must hold the same arrays; got {only[:5]} in one"
            )
        for name in ours:
            case, quantity, array = (*name.split("/"), "")[:3]
            error = relative_error(quantity, ours[name], theirs[name])
            yield Difference((first, second), case, quantity, array, error)
