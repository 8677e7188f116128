"""`anynet parity`: prove that the backends are the same network."""

from pathlib import Path

import click

from common.backends import FRAMEWORKS, load_backend
from common.cli.tables import print_table
from common.parity import Difference, read_records, write_record
from common.parity import compare as compare_records


@click.group()
def parity() -> None:
    """Compare the backends: logits, losses, statistics and weights on the same cases.

    No environment holds all four frameworks, so each one writes a record and the records are
    compared. `nox -s parity` does all of it.
    """


@parity.command()
@click.argument("backend", type=click.Choice(list(FRAMEWORKS)))
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default="build/parity")
def record(backend: str, out: Path) -> None:
    """Run every case in one BACKEND and write OUT/BACKEND.safetensors."""
    path = out / f"{backend}.safetensors"
    write_record(load_backend(backend), path)
    click.echo(f"written to {path}")


@parity.command()
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
def compare(directory: Path) -> None:
    """Compare every pair of records in DIRECTORY; exit code 1 when any disagrees."""
    differences = list(compare_records(read_records(directory)))
    pairs = list(dict.fromkeys(item.pair for item in differences))
    quantities = dict.fromkeys(item.quantity for item in differences)
    rows = [
        (quantity, *(_largest(differences, quantity, pair) for pair in pairs))
        for quantity in quantities
    ]
    head = ("largest error", *(" ".join(pair) for pair in pairs))
    print_table(
        "over all cases, relative to the norm of each array (logits: to the largest)", head, rows
    )
    outside = [item for item in differences if not item.within]
    if outside:
        more = f"\nand {len(outside) - 10} more" if len(outside) > 10 else ""
        raise click.ClickException("\n".join(map(str, outside[:10])) + more)
    cases = len({item.case for item in differences})
    click.echo(f"{len(pairs)} pairs agree on {len(differences):,} arrays of {cases} cases")


def _largest(differences: list[Difference], quantity: str, pair: tuple[str, str]) -> str:
    errors = (d.error for d in differences if (d.quantity, d.pair) == (quantity, pair))
    return f"{max(errors):.1e}"
