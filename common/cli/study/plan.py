"""`anynet study power` and `calibrate`: how many networks, and how far to trust the tests."""

import click
import numpy as np

from common.cli import completion
from common.cli.study.options import storage_option
from common.cli.tables import print_table
from common.cli.types import NETWORKS, SEED, Integer, Number
from common.errors import ConfigError
from common.statistics import INTEREST, networks_needed
from common.statistics import calibrate as simulate
from common.studies import Study


@click.command()
@click.argument("name", required=False, shell_complete=completion.studies)
@storage_option()
@click.option(
    "--difference",
    type=Number(0, 1, min_open=True),
    required=True,
    help="Smallest difference of mean errors of interest, such as 0.005.",
)
@click.option(
    "--deviation",
    type=Number(0, 1, min_open=True),
    help="Standard deviation of the errors within a space; default: that of study NAME.",
)
@click.option(
    "--power",
    "wanted",
    type=Number(0, 1, min_open=True),
    default=0.8,
    show_default=True,
    help="Probability of finding the difference.",
)
@click.option(
    "--tests",
    type=Integer(1, 1_000_000),
    default=1,
    show_default=True,
    help="Tests that share the 5 % level; a report has six for each pair.",
)
def power(
    name: str | None, storage: str, difference: float, deviation: float | None, wanted: float,
    tests: int,
) -> None:  # fmt: skip
    """Tell how many networks per space a comparison needs.

    \b
    anynet study power --difference 0.005 --deviation 0.025
    anynet study power first --difference 0.005 --tests 15
    """
    if (name is None) == (deviation is None):
        raise click.UsageError("give a study, or --deviation without one")
    if deviation is None:
        deviation = _deviation(str(name), storage)
    needed = networks_needed(difference, deviation, wanted, tests)
    click.echo(
        f"a difference of {difference:g} at a standard deviation of {deviation:.4g}, with power "
        f"{wanted:g} and {tests:,} tests at the 5 % level"
    )
    rows = [
        ("the means differ (permutation test)", needed.mean),
        ("one is more often better (Mann-Whitney test)", needed.location),
        ("equal means differ by less (two one-sided tests)", needed.equivalence),
    ]
    print_table("", ("to show that", "networks per space"), rows)


def _deviation(name: str, storage: str) -> float:
    """The standard deviation of the errors within the spaces of a study, pooled."""
    study = Study.open(name, storage)
    found: dict[str, list[float]] = {}
    for result in study.results():
        if result.error is not None:
            found.setdefault(result.network.space, []).append(result.error)
    freedom = sum(len(errors) - 1 for errors in found.values())
    if freedom < 2:
        raise ConfigError(
            f"study {name}: must have trained networks; got {sum(map(len, found.values()))}; "
            "train some first, or give --deviation"
        )
    squares = sum(np.var(errors) * len(errors) for errors in found.values())
    return float(np.sqrt(squares / freedom))


@click.command()
@click.option(
    "--draws",
    type=Integer(10, 100_000),
    default=400,
    show_default=True,
    help="Simulated pairs of spaces per scenario.",
)
@click.option(
    "--networks", type=NETWORKS, default=64, show_default=True, help="Networks per space."
)
@click.option("--seed", type=SEED, default=0, show_default=True, help="Seed of the simulation.")
def calibrate(draws: int, networks: int, seed: int) -> None:
    """Simulate how often the tests of a report claim a difference, by scenario.

    Where nothing is to be found, that is the type I error, elsewhere the power. Intervals are those
    of the difference of the means.
    """
    head = ("the second space is", "mean", "location", "curves", "dominance",
            f"differ by < {100 * INTEREST:g} %", "interval covers")  # fmt: skip
    rows = [
        (one.scenario, *(f"{100 * share:.1f} %" for share in (
            one.mean, one.location, one.curves, one.dominance, one.equivalence, one.coverage)))
        for one in simulate(draws, networks, seed)
    ]  # fmt: skip
    print_table(f"{draws:,} draws of {networks:,} networks per space, at the 5 % level", head, rows)
