"""`anynet predict`: what a trained network sees in images."""

import json
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from common.backends import load_backend
from common.cli.networks import checkpoint_path, choose_image_size
from common.cli.options import backend_option
from common.cli.tables import print_table
from common.data import class_names, read_labels, read_picture

_BATCH = 32


@click.command()
@click.argument("checkpoint", metavar="CHECKPOINT|RUN")
@click.argument(
    "images", metavar="IMAGE...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@backend_option("torch")
@click.option("--top", type=click.IntRange(1), default=5, show_default=True, help="Classes shown.")
@click.option(
    "--labels",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Text file with one class name a line; default: Fashion-MNIST's names for 10 classes, "
    "ImageNet's for 1000, else class numbers.",
)
@click.option(
    "--image-size",
    type=click.IntRange(1),
    help="Side of what the network sees; default: that of an mlp, else 96 for grey images "
    "and 224 for colour.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list.")
def predict(
    checkpoint: str,
    images: tuple[Path, ...],
    backend: str,
    top: int,
    labels: Path | None,
    image_size: int | None,
    as_json: bool,
) -> None:
    """Show the most likely classes of images.

    CHECKPOINT is a model.safetensors, written by any backend, or the directory of a run. IMAGE is
    any file that Pillow reads. A network of one input channel sees it grey, stretched to a square
    as Fashion-MNIST is in training (light on dark); one of three sees it as ImageNet networks do:
    the short side resized to 256, the middle 224 pixels, normalised colours.
    """
    module = load_backend(backend)
    network = module.load(checkpoint_path(checkpoint))
    spec = network.spec
    size = choose_image_size(spec, image_size)
    names = read_labels(labels, spec.num_classes) if labels else class_names(spec.num_classes)
    found: list[dict[str, Any]] = []
    for start in range(0, len(images), _BATCH):
        paths = images[start : start + _BATCH]
        batch = np.stack([read_picture(path, spec.in_channels, size) for path in paths])
        for path, row in zip(paths, module.logits(network, batch), strict=True):
            found.append({"image": str(path), "classes": _most_likely(row, names, top)})
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    rows = [
        (item["image"] if rank == 0 else "", row["name"], row["probability"])
        for item in found
        for rank, row in enumerate(item["classes"])
    ]
    print_table("", ("image", "class", "probability"), rows)


def _most_likely(
    logits: NDArray[np.float32], names: tuple[str, ...], top: int
) -> list[dict[str, Any]]:
    """The `top` classes by softmax probability; of equal ones the first comes first."""
    exponentials = np.exp(logits.astype(np.float64) - logits.max())
    probabilities = exponentials / exponentials.sum()
    order = np.argsort(-probabilities, kind="stable")[:top]
    return [
        {"class": int(label), "name": names[label], "probability": float(probabilities[label])}
        for label in order
    ]
