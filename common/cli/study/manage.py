"""`anynet study retry`, `extend` and `delete`."""

import click

from common.cli.study.options import name_argument, storage_option
from common.cli.types import NETWORKS
from common.studies import Study
from common.studies.address import shown
from common.studies.catalog import delete_study


@click.command()
@name_argument()
@storage_option()
@click.option(
    "--running",
    is_flag=True,
    help="Also requeue running networks; use it only if their workers are gone.",
)
def retry(name: str, storage: str, running: bool) -> None:
    """Requeue failed networks."""
    queued = Study.open(name, storage).retry(running)
    click.echo(f"{queued} networks requeued")


@click.command()
@name_argument()
@storage_option()
@click.option("--by", type=NETWORKS, required=True, help="Networks to add to each space.")
def extend(name: str, storage: str, by: int) -> None:
    """Add networks to every space of a study; existing ones are kept."""
    total = Study.open(name, storage).extend(by)
    click.echo(f"{total:,} networks per space")


@click.command()
@name_argument()
@storage_option()
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--running",
    is_flag=True,
    help="Also delete a study with running networks; use it only if their workers are gone.",
)
def delete(name: str, storage: str, yes: bool, running: bool) -> None:
    """Delete a study with all its results.

    Refuses studies of other programs, and studies that workers are training. Worker logs and
    reports are kept.
    """
    if not yes:
        click.confirm(
            f"delete study {name} in {shown(storage)} with all its results?", abort=True, err=True
        )
    delete_study(name, storage, running)
    click.echo(f"study {name} deleted")
