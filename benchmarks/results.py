"""Measured values and what is told about them: medians, spread and ratios within rounds."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from common.errors import ConfigError
from common.files import PRODUCER, check_format

FORMAT: Final = 1
"""Of bench.json; those of version 0.1 have none."""

TOGETHER = frozenset({"ceiling", "training", "inference", "shapes", "peers", "pipeline", "gpu"})
"""Sections whose numbers are read against each other."""


@dataclass(frozen=True)
class Measurement:
    """The values of one subject, a value per round; `None` where it did not take part.

    `quantity` is what the values are, with the unit: `seconds`, `bytes`.
    """

    section: str
    case: str
    backend: str
    form: str
    quantity: str
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
        return quartiles(self.taken)

    def over(self, other: "Measurement") -> float | None:
        """The median of this divided by `other` round by round; none without a common round.

        Measurements with other numbers of rounds were not taken in turn: their medians are
        divided.
        """
        if len(self.values) != len(other.values):
            return self.median / other.median
        pairs = zip(self.values, other.values, strict=True)
        ratios = [a / b for a, b in pairs if a is not None and b is not None]
        return statistics.median(ratios) if ratios else None


def quartiles(values: Sequence[float]) -> tuple[float, float]:
    """The bounds of the middle half of `values`, interpolated."""
    if len(values) < 2:
        return values[0], values[0]
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, high


@dataclass
class Results:
    """One run: the machine, the settings, all measurements, and what could not be measured.

    `cases` holds what each case costs by its name.
    """

    facts: dict[str, Any]
    cases: dict[str, dict[str, Any]] = field(default_factory=dict)
    measurements: list[Measurement] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    def of(self, section: str, **wanted: str) -> list[Measurement]:
        """The measurements of a section whose fields are as wanted."""
        return [
            item
            for item in self.measurements
            if item.section == section
            and all(getattr(item, name) == value for name, value in wanted.items())
        ]

    def one(self, section: str, **wanted: str) -> Measurement | None:
        """The first such measurement, if there is any."""
        return next(iter(self.of(section, **wanted)), None)

    def joined(self, later: "Results") -> "Results":
        """This run, with the sections of a later one in place of its own.

        Raises `ConfigError` when versions differ, or when sections that are read against each
        other come from different machines.
        """
        same = ["frameworks"]
        if TOGETHER & later.seconds.keys():
            same += ["processor", "cores"]
        for fact in same:
            if self.facts[fact] != later.facts[fact]:
                raise ConfigError(
                    f"{fact}: must be those of the first run, {self.facts[fact]}; "
                    f"got {later.facts[fact]}; measure all anew"
                )
        kept = [item for item in self.measurements if item.section not in later.seconds]
        earlier = self.facts.get("joined", [])
        return Results(
            {**self.facts, "joined": [*earlier, {**later.facts, "seconds": later.seconds}]},
            self.cases | later.cases,
            kept + later.measurements,
            unique([*self.notes, *later.notes]),
            {name: taken for name, taken in self.seconds.items() if name not in later.seconds},
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {"producer": PRODUCER, "format": FORMAT, **asdict(self)}

    @staticmethod
    def from_dict(data: dict[str, Any]) -> "Results":
        """Results from what `to_dict` gave. Raises `ConfigError` for a newer format."""
        check_format(data.get("format", 1), FORMAT, "bench.json", ConfigError)
        data = {name: data[name] for name in data if name not in ("producer", "format")}
        measurements = [
            Measurement(**{**item, "values": tuple(item["values"])})
            for item in data["measurements"]
        ]
        return Results(**{**data, "measurements": measurements})


def unique(values: Iterable[str]) -> list[str]:
    """Values in order, each once."""
    return list(dict.fromkeys(values))
