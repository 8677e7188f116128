"""Tables on the terminal."""

from collections.abc import Sequence
from typing import Literal

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table


def print_table(
    title: str, head: Sequence[str], rows: Sequence[Sequence[object]], foot: Sequence[object] = ()
) -> None:
    """Print a table; numbers are right-aligned, with thousands separators.

    - `title`: a line above the table; empty for none
    - `head`: the column heads
    - `rows`: the cells of each row
    - `foot`: the cells of a last row, such as totals; empty for none
    """
    table = Table(box=box.SIMPLE_HEAD, show_footer=bool(foot))
    for index, name in enumerate(head):
        numeric = any(isinstance(row[index], int | float) for row in rows)
        footer = _text(foot[index]) if foot else ""
        justify: Literal["right", "left"] = "right" if numeric else "left"
        table.add_column(name, footer, justify=justify, overflow="fold")
    for row in rows:
        table.add_row(*map(_text, row))
    console = Console()
    # Let a narrow terminal wrap lines rather than truncate numbers.
    needed = console.measure(table, options=console.options.update(width=10**4)).maximum
    console.width = max(console.width, needed)
    if title:
        console.print(title, highlight=False, markup=False)
    console.print(table)


def joined(value: object) -> object:
    """A shape as text, 32 x 48 x 48; anything else unchanged."""
    return " x ".join(map(str, value)) if isinstance(value, list) else value


def _text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4f}"
    return f"{value:,}" if isinstance(value, int) else escape(str(value))
