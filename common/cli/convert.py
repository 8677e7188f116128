"""`anynet convert`: a network from one file into another."""

from pathlib import Path

import click
import numpy as np

from common.cli.networks import checkpoint_path
from common.errors import ConfigError
from common.files import replacing
from common.weights import load_weights, save_weights


@click.command()
@click.argument("source", metavar="CHECKPOINT|RUN")
@click.argument("target", type=click.Path(path_type=Path, dir_okay=False))
def convert(source: str, target: Path) -> None:
    """Write the network in CHECKPOINT to the file TARGET; its ending says how.

    CHECKPOINT is a weight file, a training state, or the directory of a run. A TARGET that ends in
    .safetensors is a weight file for every backend; one in .npz holds the arrays alone, for NumPy.
    """
    path = checkpoint_path(source)
    spec, arrays = load_weights(path)
    if target.suffix == ".safetensors":
        save_weights(target, spec, arrays)
    elif target.suffix == ".npz":
        with replacing(target) as temporary:
            np.savez(temporary, **arrays)  # type: ignore[arg-type]
    else:
        raise ConfigError(f"{target}: must end in .safetensors or .npz; got {target.suffix!r}")
    click.echo(f"written to {target}")
