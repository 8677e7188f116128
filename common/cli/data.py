"""`anynet data`: preprocessing of image data sets for fast training."""

from pathlib import Path

import click

from common.cli import completion
from common.cli.groups import Group
from common.cli.types import SEED, SIDE, Number
from common.data.open import open_split
from common.data.shard_writer import prepare_shards
from common.data.sources.split import VALIDATION_SHARE


@click.group(cls=Group)
def data() -> None:
    """Prepare images once, for fast training.

    \b
    A folder of photos:   anynet data prepare photos/ build/photos --size 256
    CIFAR-10:             anynet data prepare cifar10 build/cifar10 --size 32
    """


@data.command()
@click.argument(
    "source", metavar="FOLDER|FILE.npz|cifar10|cifar100", shell_complete=completion.data
)
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--size",
    type=SIDE,
    default=256,
    show_default=True,
    help="Shorter side in pixels; smaller images are not resized.",
)
@click.option(
    "--channels",
    type=click.Choice(["1", "3"]),
    default="3",
    show_default=True,
    help="1 reads image files as grey, 3 as RGB.",
)
@click.option(
    "--val-share",
    type=Number(0, 1, min_open=True, max_open=True),
    default=VALIDATION_SHARE,
    show_default=True,
    help="Share of each class used for validation if the source has no validation images.",
)
@click.option("--seed", type=SEED, default=0, show_default=True, help="Seed of that split.")
@click.option("--skip-broken", is_flag=True, help="Skip images that cannot be read.")
def prepare(
    source: str,
    out: Path,
    size: int,
    channels: str,
    val_share: float,
    seed: int,
    skip_broken: bool,
) -> None:
    """Decode and resize all images of a source.

    The images are written to the folder OUT, using all cores. Training with `--data OUT` then
    decodes nothing. FOLDER contains train/CLASS/... and val/CLASS/..., or only CLASS/.... Aspect
    ratios are kept. Run an interrupted command again to continue. All images that cannot be read
    are listed at the end.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    split = open_split(source, int(channels), val_share, seed)
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress("images", *columns, transient=True) as progress:
        task = progress.add_task("", total=None)
        prepared = prepare_shards(
            split,
            out,
            size,
            skip_broken,
            lambda done, total: progress.update(task, completed=done, total=total),
        )
    for reason in prepared.broken.values():
        click.echo(f"skipped: {reason}", err=True)
    skipped = f", {len(prepared.broken):,} skipped" if prepared.broken else ""
    click.echo(f"{prepared.images:,} images in {out}{skipped}")
