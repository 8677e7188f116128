"""`anynet curves`: several runs in one figure, and how much they differ."""

from pathlib import Path

import click

from common.cli import completion
from common.cli.options import overwrite_option
from common.cli.tables import print_table
from common.cli.types import Number
from common.marks import check_target
from common.pages import write_runs_page
from common.plotting import draw_comparison, save_figure
from common.training import Row, read_record
from common.training.compare import Distance, distance
from common.training.run import RECORD


@click.command()
@click.argument(
    "runs", nargs=-1, required=True, type=click.Path(path_type=Path, file_okay=False),
    shell_complete=completion.runs,
)  # fmt: skip
@click.option(
    "--band",
    multiple=True,
    type=click.Path(path_type=Path, file_okay=False),
    shell_complete=completion.runs,
    help="A rerun of the first run; repeatable. The range of the reruns is drawn as a band.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default="curves.png",
    show_default=True,
    help="Figure to write; the suffix selects the format (png, svg, pdf), html a page to explore.",
)
@click.option(
    "--epochs",
    type=Number(0, min_open=True),
    help="Number of epochs of each run to show; default: all.",
)
@click.option(
    "--tolerance",
    type=Number(0),
    help="Exit with code 1 if a relative difference in training loss is larger.",
)
@overwrite_option
def curves(
    runs: tuple[Path, ...],
    band: tuple[Path, ...],
    out: Path,
    epochs: float | None,
    tolerance: float | None,
    overwrite: bool,
) -> None:
    """Draw losses and accuracies of several RUNS in one figure.

    A run is a directory written by `anynet train --out` in any framework. The figure shows training
    loss and validation accuracy, labelled with the names of the directories. A table gives the
    relative difference of each run's training losses from those of the first.
    """
    check_target(out, overwrite)
    records = {run.name: _rows(run, epochs) for run in runs}
    reruns = {run.name: _rows(run, epochs) for run in band}
    is_page = out.suffix.lower() == ".html"
    if not is_page:
        save_figure(draw_comparison(records, list(reruns.values())), out)
    first = runs[0].name
    distances = {
        name: distance(rows, records[first])
        for name, rows in {**records, **reruns}.items()
        if name != first
    }
    if is_page:
        found = {name: (one.mean, one.largest) for name, one in distances.items()}
        write_runs_page(out, records, list(reruns.values()), found)
    _print(distances, first)
    click.echo(f"written to {out}")
    if tolerance is not None:
        _check(distances, first, tolerance)


def _rows(run: Path, epochs: float | None) -> list[Row]:
    rows = read_record(run / RECORD)
    return [row for row in rows if epochs is None or row.get("epoch", 0) <= epochs]


def _print(distances: dict[str, Distance], first: str) -> None:
    rows = [
        (name, f"{found.mean:.2g}", f"{found.largest:.2g}", found.intervals)
        for name, found in distances.items()
    ]
    if rows:
        title = f"relative difference in training loss from {first}, per interval"
        print_table(title, ("run", "mean", "largest", "intervals"), rows)


def _check(distances: dict[str, Distance], first: str, tolerance: float) -> None:
    far = {name: found for name, found in distances.items() if found.largest > tolerance}
    if far:
        got = ", ".join(f"{found.largest:.2g} in {name}" for name, found in far.items())
        raise click.ClickException(
            f"training losses must be within {tolerance:g} of {first}'s; got {got}"
        )
