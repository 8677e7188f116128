"""A table and the numbers in it, as text."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.results import Measurement


@dataclass(frozen=True)
class Table:
    """A title, the names of its columns, and rows of text."""

    name: str
    title: str
    head: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]

    def markdown(self) -> str:
        """The table in Markdown; columns after the first words are right-aligned."""
        words = sum(name in _WORDS for name in self.head)
        rule = ["---"] * words + ["---:"] * (len(self.head) - words)
        lines = [self.head, tuple(rule), *self.rows]
        return "".join(f"| {' | '.join(line)} |\n" for line in lines)


_WORDS = {"case", "framework", "form", "target", "bound", "measured", "met"}


def number(value: float | None, digits: int = 3) -> str:
    """A number with so many digits that count, and no exponent."""
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 10**digits else f"{float(f'{value:.{digits}g}'):g}"


def percent(value: float | None) -> str:
    """A share in whole percent."""
    return "" if value is None else f"{100 * value:.0f} %"


def half(item: Measurement, scale: float) -> str:
    """The bounds of the middle half of the values, times `scale`."""
    low, high = item.quartiles
    return f"{number(low * scale)} to {number(high * scale)}"
