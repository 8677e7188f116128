"""`anynet curves`: several runs in one picture."""

from pathlib import Path

import click

from common.training import read_record
from common.training.curves import draw_comparison, save_figure
from common.training.run import RECORD


@click.command()
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default="curves.png",
    show_default=True,
    help="Picture to write; the ending says the format (png, svg, pdf).",
)
@click.option(
    "--epochs",
    type=click.FloatRange(0, min_open=True),
    help="Draw only so many epochs of each run; default: all.",
)
def curves(runs: tuple[Path, ...], out: Path, epochs: float | None) -> None:
    """Draw training loss and validation accuracy of several RUNS in one picture.

    A run is a directory that `anynet train --out` wrote, in any framework; the picture names each
    by its directory.
    """
    records = {run.name: read_record(run / RECORD) for run in runs}
    if epochs is not None:
        records = {
            name: [row for row in rows if row.get("epoch", 0) <= epochs]
            for name, rows in records.items()
        }
    save_figure(draw_comparison(records), out)
    click.echo(f"written to {out}")
