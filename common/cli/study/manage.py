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


@click.command()
@name_argument()
@storage_option()
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--running",
    is_flag=True,
    help="Also a study whose networks count as running, when you know that their workers are gone.",
)
def delete(name: str, storage: str, yes: bool, running: bool) -> None:
    """Delete a study with all its results.

    Only studies that this command made are deleted, and none that workers train. Logs of workers
    and reports stay where they are.
    """
    if not yes:
        click.confirm(
            f"delete study {name} in {shown(storage)} with all its results?", abort=True, err=True
        )
    delete_study(name, storage, running)
    click.echo(f"study {name} is deleted")
