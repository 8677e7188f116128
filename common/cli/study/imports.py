"""`anynet study import`."""

from pathlib import Path

import click

from common.cli.study.options import name_argument, storage_option, suggested
from common.cli.study.run import read_settings
from common.cli.types import SIDE
from common.spaces import find_space
from common.studies import import_study
from common.studies.address import shown


@click.command("import")
@name_argument()
@click.argument("file", type=click.Path(path_type=Path))
@storage_option()
@click.option(
    "--space", "spaces", multiple=True, metavar="NAME|FILE.yaml",
    help="A space of the networks, which each of them must be in; repeatable.",
)  # fmt: skip
@click.option(
    "--config", type=click.Path(path_type=Path, dir_okay=False),
    help="The study.json of the study that trained them, instead of --space and --image-size.",
)  # fmt: skip
@click.option(
    "--image-size", type=SIDE, default=28, show_default=True,
    help="Side in pixels of the images at which costs are counted.",
)  # fmt: skip
@click.option(
    "--design", "numbers", multiple=True, metavar="COLUMN",
    help="A column that describes networks which are no AnyNets; repeatable.",
)  # fmt: skip
@click.option("--about", default="", help="How the networks were trained, for the report.")
def import_(
    name: str,
    file: Path,
    storage: str,
    spaces: tuple[str, ...],
    config: Path | None,
    image_size: int,
    numbers: tuple[str, ...],
    about: str,
) -> None:
    """Create a study of networks that others trained, from a table of them.

    FILE.csv has a row for each network, or for each of its seeds: its spec as JSON, or the
    parameters of its stages (d1, w1, b1, g1, ...) if --space says the rest, and its error from 0 to
    1. Optional are space, index, seed, epochs, error_1, error_2, ..., params, flops, activations,
    seconds, message and metric_NAME. The table of anynet study export has these columns. FILE.json
    is a full population in the form of NAS-Bench-Macro. Every row is checked, and nothing is
    created if one is wrong.

    \b
    anynet study import published docs/studies/spaces/networks.csv
      --config docs/studies/spaces/study.json
    anynet study import macro nas-bench-macro_cifar10.json --about "CIFAR-10"
    """
    settings = None if config is None else read_settings(config)
    known = [find_space(space) for space in spaces]
    study = import_study(name, storage, file, known, image_size, numbers, about, settings)
    counts = {space: sum(states.values()) for space, states in study.counts().items()}
    for space, networks in counts.items():
        click.echo(f"{networks:,} networks of {space}")
    click.echo(
        f"imported into {shown(storage)}; write a report: {suggested('report', name, storage)}"
    )
