"""Tables on the terminal."""

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table


def print_table(
    title: str, head: Sequence[str], rows: Sequence[Sequence[object]], foot: Sequence[object] = ()
) -> None:
    """Print rows under their heads; numbers stand right-aligned with thousands marked."""
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, show_footer=bool(foot))
    for index, name in enumerate(head):
        numeric = bool(rows) and isinstance(rows[0][index], int | float)
        footer = _text(foot[index]) if foot else ""
        table.add_column(name, footer, justify="right" if numeric else "left")
    for row in rows:
        table.add_row(*map(_text, row))
    Console().print(table)


def _text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4f}"
    return f"{value:,}" if isinstance(value, int) else escape(str(value))
