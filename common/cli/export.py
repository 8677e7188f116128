"""`anynet export`: a trained network in a format for other programs."""

from dataclasses import replace
from pathlib import Path
from typing import Literal

import click

from common.arch import AnyNetSpec
from common.backends import FRAMEWORKS, start_backend
from common.cli import completion
from common.cli.checkpoints import Checkpoint, choose_image_size, find_checkpoint, sized
from common.cli.networks import load_network, read_network
from common.cli.options import backend_option, overwrite_option
from common.cli.types import SIDE
from common.data import ImageDescription, assumed
from common.errors import ConfigError
from common.export import save_onnx
from common.files import check_new_folder
from common.marks import check_target
from common.weights import fuse_weights


@click.command()
@click.argument("checkpoint", metavar="CHECKPOINT|RUN", shell_complete=completion.runs_and_files)
@click.option(
    "--format",
    "kind",
    type=click.Choice(["onnx", "native"]),
    required=True,
    help="onnx needs no framework; native is the format of --backend.",
)
@backend_option("torch")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="File or new folder.")
@click.option(
    "--image-size",
    type=SIDE,
    help="Side in pixels of the images that a native export, or one --with-preprocessing, "
    "accepts; default: an MLP's own size, else the run's, else the file's, else 224 for networks "
    "on colour images and 96 for others. Other ONNX files accept any size, except for an MLP.",
)
@click.option("--fuse", is_flag=True, help="Fuse batch norms into the layers before them first.")
@click.option(
    "--with-preprocessing",
    is_flag=True,
    help="ONNX takes uint8 pixels of the right size, and scales and normalises them itself.",
)
@overwrite_option
def export(
    checkpoint: str,
    kind: Literal["onnx", "native"],
    backend: str,
    out: Path,
    image_size: int | None,
    fuse: bool,
    with_preprocessing: bool,
    overwrite: bool,
) -> None:
    """Write a trained network in a format for other programs.

    CHECKPOINT is a model.safetensors written by any backend, a run directory, or any other file
    that `anynet convert` reads. The exported network accepts batches of any size.

    \b
    Native formats:
      torch   torch.export archive, a .pt2 file     images (N, C, height, width)
      mx      Gluon symbol and parameters, a folder images (N, C, height, width)
      tf      SavedModel, a folder                  images (N, height, width, C)
      jax     jax.export's StableHLO, a .bin file   images (N, height, width, C)

    A folder must be new or empty, even with --overwrite.

    An ONNX file also holds how images are prepared, and the class names, if CHECKPOINT does.
    """
    if with_preprocessing and kind != "onnx":
        raise ConfigError(
            f"--with-preprocessing: must be given with --format onnx; got {kind}; leave it out"
        )
    if kind == "native" and FRAMEWORKS[backend].exports_folder:
        check_new_folder(out)
    else:
        check_target(out, overwrite)
    found = find_checkpoint(checkpoint)
    if kind == "onnx":
        spec, arrays = read_network(found.path)
        images = found.images
        if with_preprocessing:
            images = _at_size(found, spec, image_size)
        if fuse:
            spec, arrays = fuse_weights(spec, arrays)
        save_onnx(out, spec, arrays, images, with_preprocessing)
    else:
        module = start_backend(backend)
        network = load_network(module, found.path)
        size = choose_image_size(network.spec, image_size, found.config)
        module.export(module.fuse(network) if fuse else network, out, size)
        click.echo(f"for images of {sized(size)} pixels, {found.origin(size)}", err=True)
    click.echo(f"written to {out}")


def _at_size(found: Checkpoint, spec: AnyNetSpec, given: int | None) -> ImageDescription:
    """How images are prepared at the size that was chosen; says so."""
    images = found.images
    usual = images.preprocessing.size if images else None
    size = choose_image_size(spec, given, found.config, usual)
    click.echo(f"for pixels of {sized(size)}, {found.origin(size)}", err=True)
    if images is not None:
        return replace(images, preprocessing=images.preprocessing.at_size(size))
    click.echo(
        f"{found.path}: does not say how images are prepared; assumed as in predict", err=True
    )
    return ImageDescription(assumed(spec.in_channels, size), ())
