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
def curves(runs: tuple[Path, ...], out: Path) -> None:
    """Draw training loss and validation accuracy of several RUNS in one picture.

    A run is a directory that `anynet train --out` wrote, in any framework; the picture names each
    by its directory.
    """
    save_figure(draw_comparison({run.name: read_record(run / RECORD) for run in runs}), out)
    click.echo(f"written to {out}")
