"""`anynet init-weights`: the weights that training starts from."""

from pathlib import Path
from typing import get_args

import click
import numpy as np

from common.cli.networks import resolve_spec
from common.cli.options import overwrite_option
from common.cli.types import SEED
from common.marks import check_target
from common.weights import Init, initial_weights, perturb_weights, save_weights


@click.command("init-weights")
@click.argument("network", metavar="NAME|SPEC.json")
@click.argument("target", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--seed", type=SEED, default=0, show_default=True)
@click.option(
    "--init",
    "scheme",
    type=click.Choice(get_args(Init)),
    default="xavier",
    show_default=True,
    help="xavier: the chapter's; he: the RegNet paper's; he_zero_gamma: the same, but a block's "
    "residual starts at zero.",
)
@click.option(
    "--perturb-seed",
    type=SEED,
    help="Move every weight by one float32 ulp, up or down as drawn from this number.",
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

    They are the draw of --seed that training in every backend starts from. With --perturb-seed
    they are moved as little as a float32 can be; `anynet train --weights TARGET` then shows how
    far rounding alone carries a run.
    """
    check_target(target, overwrite)
    spec = resolve_spec(network)
    arrays = initial_weights(spec, seed, scheme)
    if perturb_seed is not None:
        moved = perturb_weights(spec, arrays, perturb_seed)
        arrays = {name: array.astype(np.float32) for name, array in moved.items()}
    save_weights(target, spec, arrays)
    click.echo(f"written to {target}")
