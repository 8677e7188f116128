"""`anynet predict`: the most likely classes of images."""

import json
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from common.backends import start_backend
from common.bounds import MAX_CHANNELS
from common.cli import completion
from common.cli.checkpoints import Checkpoint, choose_image_size, find_checkpoint, sized
from common.cli.networks import load_network
from common.cli.options import backend_option
from common.cli.preparing import Preparing, preparing_options
from common.cli.tables import print_table
from common.cli.types import Integer
from common.data import assumed, class_names, find_pictures, read_labels, read_pictures
from common.training.evaluate import TRAIN_AGAIN

_BATCH = 32


@click.command()
@click.argument(
    "checkpoint", metavar="CHECKPOINT|RUN|NAME", shell_complete=completion.runs_and_files
)
@click.argument(
    "images", metavar="IMAGE...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@backend_option("torch")
@click.option(
    "--top", type=Integer(1, MAX_CHANNELS), default=5, show_default=True, help="Classes to show."
)
@click.option(
    "--labels",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Text file with one class name per line; default: those in the weight file, else "
    "Fashion-MNIST's for 10 classes, ImageNet's for 1000, numbers for others.",
)
@preparing_options("224 for networks on colour images and 96 for others")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list.")
def predict(
    checkpoint: str,
    images: tuple[Path, ...],
    backend: str,
    top: int,
    labels: Path | None,
    preparing: Preparing,
    as_json: bool,
) -> None:
    """Show the most likely classes of images.

    CHECKPOINT is a model.safetensors written by any backend, a run directory, or any other file
    or NAME that `anynet convert` reads. IMAGE is a file that Pillow reads, or a folder, whose image
    files are taken, including those of subfolders.

    Images are prepared, and classes called, as the weight file says; for other libraries' files, as
    those libraries do. Where neither tells, images for three channels are preprocessed as for
    ImageNet: short side resized to 256, centre crop of 224 pixels, normalised colours. For one
    channel they are converted to grey and stretched to a square, as in training on Fashion-MNIST
    (light objects on dark ground). --image-size, --resize, --crop and --interpolation replace that,
    and a line says so.

    A file that cannot be read is reported with its error; the others are still predicted, and the
    exit code is 1.
    """
    module = start_backend(backend)
    found = find_checkpoint(checkpoint)
    network = load_network(module, found.path)
    spec = network.spec
    usual = found.images.preprocessing.size if found.images else None
    size = choose_image_size(spec, preparing.side, found.config, usual)
    seen = (
        found.images.preprocessing.at_size(size)
        if found.images
        else assumed(spec.in_channels, size)
    )
    click.echo(f"{found.path} at {sized(size)} pixels, {found.origin(size)}", err=True)
    seen = preparing.applied(seen)
    names = _class_names(found, labels, spec.num_classes)
    paths = find_pictures(images)
    results = _Results(as_json)
    for batch in read_pictures(paths, seen, _BATCH):
        rows = iter(module.logits(network, batch.images) if len(batch.images) else ())
        results.show(
            [
                _result(path, next(rows), names, top)
                if error is None
                else {"image": str(path), "error": str(error)}
                for path, error in batch.files
            ]
        )
    results.end()
    if results.failed:
        raise click.ClickException(f"{results.failed} of {len(paths)} images gave no result")


def _class_names(found: Checkpoint, labels: Path | None, num_classes: int) -> tuple[str, ...]:
    """The names in the file of --labels, else those of the weight file, else the usual ones."""
    if labels is not None:
        return read_labels(labels, num_classes)
    if found.images is not None and found.images.classes:
        return found.images.names(num_classes)
    return class_names(num_classes)


class _Results:
    """Prints results batch by batch, as tables or as one JSON list, and counts failures."""

    def __init__(self, as_json: bool) -> None:
        self.failed = 0
        self._as_json = as_json
        self._before = "["

    def show(self, found: list[dict[str, Any]]) -> None:
        """Print some results; errors go to stderr, and into the JSON list."""
        errors = [item["error"] for item in found if "error" in item]
        self.failed += len(errors)
        for error in errors:
            click.echo(f"Error: {error}", err=True)
        if self._as_json:
            for item in found:
                click.echo(f"{self._before}\n{json.dumps(item, indent=2)}", nl=False)
                self._before = ","
            return
        rows = [
            (item["image"] if rank == 0 else "", row["name"], row["probability"])
            for item in found
            for rank, row in enumerate(item.get("classes", ()))
        ]
        if rows:
            print_table("", ("image", "class", "probability"), rows)

    def end(self) -> None:
        """Close the JSON list."""
        if self._as_json:
            click.echo("\n]" if self._before == "," else "[]")


def _result(
    path: Path, logits: NDArray[np.float32], names: tuple[str, ...], top: int
) -> dict[str, Any]:
    """The result for an image with these logits (classes,)."""
    if np.isfinite(logits).all():
        return {"image": str(path), "classes": _most_likely(logits, names, top)}
    error = f"{path}: logits must be finite; got NaN or infinity from the network; {TRAIN_AGAIN}"
    return {"image": str(path), "error": error}


def _most_likely(
    logits: NDArray[np.float32], names: tuple[str, ...], top: int
) -> list[dict[str, Any]]:
    """The `top` classes by softmax probability; ties in the order of the classes."""
    exponentials = np.exp(logits.astype(np.float64) - logits.max())
    probabilities = exponentials / exponentials.sum()
    order = np.argsort(-probabilities, kind="stable")[:top]
    return [
        {"class": int(label), "name": names[label], "probability": float(probabilities[label])}
        for label in order
    ]
