"""`anynet convert`: convert a weight file between formats and libraries."""

from pathlib import Path

import click
import numpy as np

from common.arch import AnyNetSpec, count
from common.bounds import MAX_CHANNELS
from common.cli import completion
from common.cli.checkpoints import find_checkpoint, prepared_as
from common.cli.options import overwrite_option
from common.cli.types import SEED, Integer
from common.errors import ConfigError, shown
from common.files import replacing
from common.marks import check_target
from common.weights import save_weights
from common.weights.foreign import LAYOUTS, ForeignCheckpoint, export_weights, read_any

_OWN = "anynet"


@click.command()
@click.argument("source", metavar="CHECKPOINT|RUN|NAME", shell_complete=completion.runs_and_files)
@click.argument("target", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--to",
    "layout",
    type=click.Choice([_OWN, *LAYOUTS]),
    default=_OWN,
    show_default=True,
    help="Library whose array names and shapes TARGET gets.",
)
@click.option(
    "--num-classes",
    type=Integer(1, MAX_CHANNELS),
    help="Replace or add the head with a new one, drawn for this many classes.",
)
@click.option("--seed", type=SEED, default=0, show_default=True, help="Seed that draws a new head.")
@click.option(
    "--averaged/--plain",
    default=None,
    help="Which weights to take from a file that has both; default: averaged for timm, those of "
    "lower test error for pycls, plain for others.",
)
@overwrite_option
def convert(
    source: str,
    target: Path,
    layout: str,
    num_classes: int | None,
    seed: int,
    averaged: bool | None,
    overwrite: bool,
) -> None:
    """Convert a weight file to another format or library.

    CHECKPOINT is a weight file, a training state, a run directory, or a safetensors, npz or
    PyTorch file of torchvision, timm, pycls, Hugging Face transformers or the chapter's PyTorch
    code; for transformers also a folder, or the .index.json of a sharded model. The library is
    recognised by the names of the arrays, the network by their shapes. A TARGET that ends in
    .safetensors is a weight file for every backend, which also says how the library prepares
    images and what the classes are called, as far as the files tell; one that ends in .npz contains
    only the arrays, for NumPy. With --to, TARGET is a file for another library.

    NAME is fetched, unless it is in the cache: timm:MODEL or timm:MODEL.TAG and
    hf:OWNER/REPOSITORY from Hugging Face's hub, torchvision:MODEL or torchvision:MODEL.v1 (.v2,
    .swag, .lc_swag) from torchvision's server.

    \b
    anynet convert regnet_y_400mf.pth model.safetensors
    anynet convert model.safetensors timm.safetensors --to timm
    anynet convert regnet_y_400mf.pth ten.safetensors --num-classes 10
    anynet convert timm:regnety_004 model.safetensors
    """
    check_target(target, overwrite)
    path = find_checkpoint(source).path
    found = read_any(path, averaged, num_classes, seed)
    head = ""
    if num_classes is not None:
        old = f"{found.num_classes} classes" if found.num_classes else "none"
        head = f"; new head of seed {seed} in place of {old}"
    if layout == _OWN:
        _write_own(target, found)
    else:
        export_weights(target, found.spec, found.arrays, layout)
    click.echo(f"{path} ({found.origin}) -> {target} ({layout}): {_sentence(found.spec)}{head}")
    if found.images is not None:
        click.echo(prepared_as(found.images))


def _write_own(target: Path, found: ForeignCheckpoint) -> None:
    if target.suffix == ".safetensors":
        images = found.images and found.images.images
        save_weights(target, found.spec, found.arrays, images)
    elif target.suffix == ".npz":
        with replacing(target) as temporary:
            np.savez(temporary, **found.arrays)  # type: ignore[arg-type]
    else:
        raise ConfigError(f"{target}: must end in .safetensors or .npz; got {shown(target.suffix)}")


def _sentence(spec: AnyNetSpec) -> str:
    depths, widths = (
        ", ".join(str(getattr(stage, name)) for stage in spec.stages)
        for name in ("depth", "channels")
    )
    squeeze = f", squeeze-and-excitation {spec.se_ratio:g}" if spec.se_ratio else ""
    return (
        f"depths {depths}, widths {widths}{squeeze}, {spec.num_classes} classes, "
        f"{count(spec).params:,} parameters"
    )
