"""`anynet summary`: what a network is made of and what it costs."""

import csv
import io
import json
from typing import Any

import click

from common.arch import DEFAULT_IMAGE_SIZE
from common.arch import summary as summarise
from common.cli.networks import resolve_spec
from common.cli.tables import joined, print_table

_TOTALS = ("params", "flops", "activations")


@click.command()
@click.argument("network", metavar="NAME|SPEC.json|CHECKPOINT")
@click.option(
    "--image-size",
    type=click.IntRange(1),
    default=DEFAULT_IMAGE_SIZE,
    show_default=True,
    help="Side of the square input image in pixels.",
)
@click.option("--layers", is_flag=True, help="One row per layer instead of per stage.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--csv", "as_csv", is_flag=True, help="Print the rows as CSV.")
def summary(network: str, image_size: int, layers: bool, as_json: bool, as_csv: bool) -> None:
    """Show output shapes, parameters, FLOPs and activations of a network.

    NETWORK is a name (regnetx32), a spec file, a checkpoint or the directory of a run. FLOPs are
    multiply-adds; activations are the output elements of convolutions and linear layers; both
    are per image, as in the RegNet paper.
    """
    data = summarise(resolve_spec(network), image_size)
    rows = data["layers" if layers else "stages"]
    if as_json:
        click.echo(json.dumps(data, indent=2))
    elif as_csv:
        click.echo(_csv(rows), nl=False)
    else:
        head = ("name", *(("op", "groups") if layers else ()), "out_shape", *_TOTALS)
        table = [[joined(row[name]) for name in head] for row in rows]
        foot = ["total", *[""] * (len(head) - 4), *(data[name] for name in _TOTALS)]
        title = f"{network} at {image_size}x{image_size}"
        print_table(title, [name.replace("_", " ") for name in head], table, foot)


def _csv(rows: list[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: joined(value) for name, value in row.items()} for row in rows)
    return text.getvalue()
