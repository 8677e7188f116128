"""`anynet study coverage`: whether intervals of samples contain the truth of all networks."""

import click

from common.cli.study.options import name_argument, storage_option
from common.cli.tables import print_table
from common.cli.types import NETWORKS, SEED, Integer
from common.errors import ConfigError
from common.statistics import coverage as covered
from common.studies import Study


@click.command()
@name_argument()
@storage_option()
@click.option(
    "--networks", "sizes", type=NETWORKS, multiple=True, default=(64,), show_default=True,
    help="Networks of each sample; repeatable.",
)  # fmt: skip
@click.option(
    "--draws", type=Integer(10, 100_000), default=400, show_default=True,
    help="Samples of each size.",
)  # fmt: skip
@click.option("--seed", type=SEED, default=0, show_default=True, help="Seed of the samples.")
def coverage(name: str, storage: str, sizes: tuple[int, ...], draws: int, seed: int) -> None:
    """Draw samples from a study's networks as if they were all, and check their intervals.

    The table tells how often the 95 % interval of a sample's mean error contains the mean of all
    networks of the space, and how often its 95 % band contains the distribution function of all, on
    average over the deciles. Import a full population such as NAS-Bench-Macro for it:

    \b
    anynet study import macro nas-bench-macro_cifar10.json
    anynet study coverage macro --networks 32 --networks 128
    """
    errors: dict[str, list[float]] = {}
    for result in Study.open(name, storage).results():
        if result.error is not None:
            errors.setdefault(result.network.space, []).append(result.error)
    if not errors:
        raise ConfigError(f"study {name}: must have trained networks; got none; train some first")
    rows = []
    for space, own in errors.items():
        for size in sizes:
            mean, curve = covered(own, size, draws, seed)
            rows.append((space, len(own), size, f"{100 * mean:.1f} %", f"{100 * curve:.1f} %"))
    print_table("", ("space", "networks", "in a sample", "mean", "distribution function"), rows)
