"""`anynet init-weights`: the initial weights of a network."""

from pathlib import Path
from typing import get_args

import click
import numpy as np

from common.cli import completion
from common.cli.networks import resolve_spec
from common.cli.options import overwrite_option
from common.cli.types import SEED
from common.marks import check_target
from common.weights import Init, initial_weights, perturb_weights, save_weights


@click.command("init-weights")
@click.argument("network", metavar="NAME|SPEC.json", shell_complete=completion.named_networks)
@click.argument("target", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--seed", type=SEED, default=0, show_default=True, help="Draws the initial weights.")
@click.option(
    "--init",
    "scheme",
    type=click.Choice(get_args(Init)),
    default="xavier",
    show_default=True,
    help="xavier: the chapter's; he: the RegNet paper's; he_zero_gamma: he, with the last batch "
    "norm of each block at zero.",
)
@click.option(
    "--perturb-seed",
    type=SEED,
    help="Perturb every weight by one float32 ulp, up or down as drawn from this seed.",
)
@overwrite_option
def init_weights(
    network: str,
    target: Path,
    seed: int,
    scheme: Init,
    perturb_seed: int | None,
    overwrite: bool,
) -> None:
    """Write the initial weights of a network to the file TARGET.

    They are the weights that training with the same --seed starts from in every backend. With
    --perturb-seed they differ by the smallest possible amount; `anynet train --weights TARGET` then
    shows how much rounding alone changes a run.
    """
    check_target(target, overwrite)
    spec = resolve_spec(network)
    arrays = initial_weights(spec, seed, scheme)
    if perturb_seed is not None:
        moved = perturb_weights(spec, arrays, perturb_seed)
        arrays = {name: array.astype(np.float32) for name, array in moved.items()}
    save_weights(target, spec, arrays)
    click.echo(f"written to {target}")
