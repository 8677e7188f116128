"""`anynet study retry` and `extend`."""

import click

from common.cli.numbers import NETWORKS
from common.cli.study.options import name_argument, storage_option
from common.studies import Study


@click.command()
@name_argument()
@storage_option()
@click.option(
    "--running",
    is_flag=True,
    help="Also networks that count as running, when you know that their workers are gone.",
)
def retry(name: str, storage: str, running: bool) -> None:
    """Queue the networks that failed once more."""
    queued = Study.open(name, storage).retry(running)
    click.echo(f"{queued} networks wait again")


@click.command()
@name_argument()
@storage_option()
@click.option("--by", type=NETWORKS, required=True, help="Networks more of each space.")
def extend(name: str, storage: str, by: int) -> None:
    """Add networks to every space of a study; those that are there stay."""
    total = Study.open(name, storage).extend(by)
    click.echo(f"{total:,} networks of each space")
