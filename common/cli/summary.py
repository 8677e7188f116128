"""`anynet summary`: the stages or layers of a network, and their costs."""

import csv
import io
import json
from typing import Any

import click

from common.arch import summary as summarise
from common.cli import completion
from common.cli.checkpoints import choose_image_size, find_config, sized
from common.cli.networks import resolve_spec
from common.cli.options import image_size_option
from common.cli.tables import joined, print_table

_TOTALS = ("params", "flops", "activations")


@click.command()
@click.argument("network", metavar="NAME|SPEC.json|CHECKPOINT", shell_complete=completion.networks)
@image_size_option()
@click.option("--layers", is_flag=True, help="One row per layer instead of per stage.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--csv", "as_csv", is_flag=True, help="Print the rows as CSV.")
def summary(
    network: str, image_size: int | None, layers: bool, as_json: bool, as_csv: bool
) -> None:
    """Show a network's shapes, parameters and FLOPs.

    NETWORK is a name (regnetx32, regnety_4.0gf, resnet50), a spec file, a checkpoint or a run
    directory. FLOPs are multiply-adds; activations are the output elements of convolutions, linear
    layers and max pooling; both are per image, as in the RegNet paper and pycls.
    """
    spec = resolve_spec(network)
    size = choose_image_size(spec, image_size, find_config(network))
    data = summarise(spec, size)
    rows = data["layers" if layers else "stages"]
    if as_json:
        click.echo(json.dumps(data, indent=2))
    elif as_csv:
        click.echo(_csv(rows), nl=False)
    else:
        head = ("name", "op" if layers else "blocks", "groups", "out_shape", *_TOTALS)
        table = [[joined(row[name]) for name in head] for row in rows]
        foot = ["total", *[""] * (len(head) - 4), *(data[name] for name in _TOTALS)]
        title = f"{network} at {sized(size)}"
        print_table(title, [name.replace("_", " ") for name in head], table, foot)


def _csv(rows: list[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: joined(value) for name, value in row.items()} for row in rows)
    return text.getvalue()
