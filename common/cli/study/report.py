"""`anynet study status`, `export` and `report`."""

from pathlib import Path

import click

from common.cli import completion
from common.cli.options import overwrite_option
from common.cli.study.options import name_argument, storage_option, suggested
from common.cli.study.progress import ENDED
from common.cli.tables import print_table
from common.cli.types import Number
from common.errors import ConfigError, shortened
from common.marks import check_target, check_targets
from common.reports import report_files, write_study_report
from common.statistics import INTEREST
from common.studies import Study, Told, put_together
from common.studies.address import shown
from common.studies.catalog import list_studies
from common.studies.table import export_table
from common.studies.trials import STATES, Result


@click.command("list")
@storage_option()
def list_(storage: str) -> None:
    """List the studies in a storage and their progress."""
    found = list_studies(storage)
    rows = [
        (one.name, ", ".join(one.spaces) or _STATES[one.state], one.networks, one.done)
        for one in found
    ]
    if not rows:
        click.echo(f"no studies in {shown(storage)}")
        return
    print_table("", ("study", "spaces", "networks", "done"), rows)


_STATES = {
    "unfinished": "incomplete; anynet study delete removes it",
    "unreadable": "from another version of anynet",
    "ready": "",
}


@click.command()
@name_argument()
@storage_option()
def status(name: str, storage: str) -> None:
    """Show the progress of a study by space."""
    study = Study.open(name, storage)
    counts = study.counts()
    table = [(space, *(states.get(state, 0) for state in STATES))
             for space, states in counts.items()]  # fmt: skip
    total = [sum(column) for column in list(zip(*table, strict=True))[1:]]
    print_table("", ("space", *STATES), table, ("all", *total))
    results = study.trainings()
    running = sum(result.state == "running" for result in results)
    missing = sum(result.state not in ENDED for result in results)
    seconds = [result.seconds for result in results if result.seconds is not None]
    if missing and seconds and running:
        left = missing * sum(seconds) / len(seconds) / running
        click.echo(f"about {_duration(left)} to go with {running} workers")
    elif missing:
        click.echo(f"no worker is running; start one: {suggested('work', name, storage)}")
    for result in results:
        if result.state == "failed":
            click.echo(f"{result.network.name} failed: {result.message}")


@click.command()
@name_argument()
@storage_option()
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), required=True,
    help="A file that ends in .csv or .parquet.",
)  # fmt: skip
@click.option("--each-seed", is_flag=True, help="A row for each seed of each network.")
@overwrite_option
def export(name: str, storage: str, out: Path, each_seed: bool, overwrite: bool) -> None:
    """Write a table with one row per network."""
    check_target(out, overwrite)
    study = Study.open(name, storage)
    if each_seed:
        export_table(study.trainings(), out, study.config.training.seed)
    else:
        export_table(study.results(), out)
    click.echo(f"written to {out}")


@click.command()
@click.argument(
    "names", nargs=-1, required=True, metavar="NAME...", shell_complete=completion.studies
)
@storage_option()
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), default=Path("study-report"),
    show_default=True, help="Directory for index.html, the figures and the records.",
)  # fmt: skip
@click.option(
    "--pair", "pairs", multiple=True, metavar="FIRST:SECOND",
    help="Spaces to compare; repeatable; default: each with the previous one.",
)  # fmt: skip
@click.option(
    "--difference", type=Number(0, 1, min_open=True), default=INTEREST, show_default=True,
    help="Smallest difference of mean errors of interest, for tests of equivalence.",
)  # fmt: skip
@overwrite_option
def report(
    names: tuple[str, ...],
    storage: str,
    out: Path,
    pairs: tuple[str, ...],
    difference: float,
    overwrite: bool,
) -> None:
    """Write a page that compares the spaces of a study, or of several.

    Spaces of several studies that have the same name are called STUDY.SPACE, also in --pair.
    Settings that the studies do not share are told.
    """
    studies = [_told(name, storage) for name in names]
    several = put_together(studies) if len(studies) > 1 else None
    config = several.config if several else studies[0].config
    results = several.results if several else studies[0].results
    for line in several.differences if several else ():
        click.echo(f"the studies differ in {line}", err=True)
    chosen = [_pair(pair, [space.name for space in config.spaces]) for pair in pairs]
    files = report_files(config, results, chosen)
    check_targets([out / file for file in files], overwrite)
    title = ", ".join(names)
    write_study_report(title, several or config, results, out, chosen, difference)
    click.echo(f"written to {out / 'index.html'}")


def _told(name: str, storage: str) -> Told:
    study = Study.open(name, storage)
    results = study.results()
    _check_complete(name, results)
    return Told(name, study.config, results)


def _check_complete(name: str, results: list[Result]) -> None:
    missing = sum(result.state not in ENDED for result in results)
    if missing == len(results):
        raise ConfigError(f"study {name}: must have trained networks; got none; train some first")
    if missing:
        click.echo(f"{missing} of {len(results)} networks are not trained yet", err=True)


def _pair(text: str, names: list[str]) -> tuple[str, str]:
    first, _, second = text.partition(":")
    if first not in names or second not in names:
        raise ConfigError(
            f"pair: must be FIRST:SECOND, two of {', '.join(names)}; got {shortened(text)}"
        )
    return first, second


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"
