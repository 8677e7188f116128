"""`anynet inspect`: the contents of a weight file."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from math import prod
from typing import Any

import click
import numpy as np

from common.arch import AnyNetSpec, count
from common.cli import completion
from common.cli.checkpoints import choose_image_size, find_checkpoint, sized
from common.cli.networks import read_network
from common.cli.tables import joined, print_table
from common.weights import read_contents
from common.weights.foreign import is_own


@click.command()
@click.argument("file", metavar="FILE|RUN", shell_complete=completion.runs_and_files)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def inspect(file: str, as_json: bool) -> None:
    """Show the arrays, the spec and the counts of a weight file.

    FILE is a model.safetensors or a checkpoint.safetensors, a run directory (its model is shown),
    or any other file that `anynet convert` reads, shown as it would be converted. The whole file is
    read and checked first. FLOPs and activations are counted for one image of an MLP's own size,
    else of the run's image size; for a file outside a run, 224x224 pixels for networks on colour
    images and 96x96 for others.
    """
    checkpoint = find_checkpoint(file)
    path = checkpoint.path
    if is_own(path):
        spec, arrays, training = read_contents(path)
    else:
        (spec, arrays), training = read_network(path), None
    size = choose_image_size(spec, config=checkpoint.config)
    counts = asdict(count(spec, size))
    rows = [_row(name, array) for name, array in arrays.items()]
    if as_json:
        found = {"file": str(path), "spec": spec.to_dict(), "image_size": list(size),
                 **counts, "training": training}  # fmt: skip
        click.echo(json.dumps({**found, "arrays": rows}, indent=2))
        return
    head = ("array", "shape", "min", "max")
    elements = sum(row["elements"] for row in rows)
    title = f"{path}: {len(rows)} arrays, {elements:,} elements of {rows[0]['dtype']}"
    print_table(title, head, [[joined(row[key]) for key in head] for row in rows])
    print_table("spec", ("field", "value"), list(_fields(spec)))
    print_table(f"counts at {sized(size)}", tuple(counts), [[*counts.values()]])
    if training is not None:
        where = {key: str(value) for key, value in training.items()}
        print_table("training", ("field", "value"), [*where.items()])


def _fields(spec: AnyNetSpec) -> Iterator[tuple[str, str]]:
    """Every field as text, with a row for each stage."""
    for name, value in asdict(spec).items():
        if name != "stages":
            yield name, str(value)
    for number, stage in enumerate(spec.stages, 1):
        yield f"stage {number}", ", ".join(f"{key} {v}" for key, v in asdict(stage).items())


def _row(name: str, array: np.ndarray[Any, Any]) -> dict[str, Any]:
    return {
        "array": name,
        "shape": list(array.shape),
        "dtype": array.dtype.name,
        "elements": prod(array.shape),
        "min": float(array.min()),
        "max": float(array.max()),
    }
