"""What a run has measured, section by section: the content of `bench.json`."""

import json
import statistics
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from common.errors import ConfigError
from common.files import PRODUCER, check_format, write_text

AGREEMENT: Final = "three float64 steps, against the CPU's"
"""The case whose values are relative differences, not seconds."""

FORMAT: Final = 2
"""Of bench.json."""


@dataclass(frozen=True)
class Measurement:
    """One value per round of a form of a network in a backend; None for a round without it.

    Values are seconds; in the section `memory`, bytes.
    """

    case: str
    backend: str
    form: str
    values: tuple[float | None, ...]

    @property
    def taken(self) -> list[float]:
        """The values that there are."""
        return [value for value in self.values if value is not None]

    @property
    def median(self) -> float:
        """The middle value."""
        return statistics.median(self.taken)

    @property
    def quartiles(self) -> tuple[float, float]:
        """The bounds of the middle half of the values."""
        if len(self.taken) == 1:
            return self.taken[0], self.taken[0]
        low, _, high = statistics.quantiles(self.taken, n=4, method="inclusive")
        return low, high

    def over(self, other: "Measurement") -> float:
        """The median ratio to `other` in the rounds of both, or that of the medians without any."""
        pairs = zip(self.values, other.values, strict=False)
        ratios = [a / b for a, b in pairs if a is not None and b is not None]
        if len(self.values) != len(other.values) or not ratios:
            return self.median / other.median
        return statistics.median(ratios)


@dataclass
class Section:
    """What was measured together, with the machine, the time, and what could not be measured.

    `cases` holds, by the name of a case, how many `items` (images, networks) one run handles, and
    its `flops`, in multiply-adds.
    """

    facts: dict[str, Any] = field(default_factory=dict)
    cases: dict[str, dict[str, float]] = field(default_factory=dict)
    measurements: list[Measurement] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def of(self, **wanted: str) -> list[Measurement]:
        """The measurements whose fields are as wanted."""
        return [
            item
            for item in self.measurements
            if all(getattr(item, name) == value for name, value in wanted.items())
        ]

    def one(self, **wanted: str) -> Measurement | None:
        """The first such measurement, if there is any."""
        return next(iter(self.of(**wanted)), None)

    def gain(self, item: Measurement, form: str = "plain") -> float | None:
        """How many times as fast, or as small, as another form of the same network `item` is."""
        other = self.one(case=item.case, backend=item.backend, form=form)
        return other.over(item) if other else None

    def fastest(self, item: Measurement) -> Measurement:
        """The fastest framework's measurement of the same network in the same form."""
        return min(self.of(case=item.case, form=item.form), key=lambda rival: rival.median)

    def rate(self, item: Measurement, quantity: str = "items") -> float:
        """Items, or flops, per second."""
        return self.cases[item.case][quantity] / item.median

    def peak(self, precision: str = "float32") -> float | None:
        """Multiply-adds per second of PyTorch's matrix product, if the section has it."""
        product = self.one(form=f"{precision} product")
        return self.rate(product, "flops") if product else None


Results = dict[str, Section]
"""Sections by name."""


def read_results(path: Path) -> Results:
    """The sections of a `bench.json`. Raises `ConfigError` for another format."""
    data = json.loads(path.read_text())
    check_format(data.get("format", 1), FORMAT, str(path), ConfigError)
    if data.get("format", 1) < FORMAT:
        raise ConfigError(
            f"{path}: must be of format {FORMAT}; got an earlier one; "
            "name another --out, or measure anew with --overwrite"
        )
    for section in data["sections"].values():
        section["measurements"] = [
            Measurement(**{**item, "values": tuple(item["values"])})
            for item in section["measurements"]
        ]
    return {name: Section(**section) for name, section in data["sections"].items()}


def write_results(path: Path, results: Results) -> None:
    """Write a `bench.json`."""
    sections = {name: asdict(section) for name, section in results.items()}
    data = {"producer": PRODUCER, "format": FORMAT, "sections": sections}
    write_text(path, json.dumps(data, indent=1) + "\n")
