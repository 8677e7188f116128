"""`anynet fit`: the quantised line that describes a network's widths best."""

import json
from dataclasses import asdict

import click

from common.cli.networks import resolve_spec
from common.cli.tables import print_table
from common.spaces import fit_line


@click.command()
@click.argument("networks", nargs=-1, required=True, metavar="NAME|SPEC.json|CHECKPOINT...")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object by network.")
def fit(networks: tuple[str, ...], as_json: bool) -> None:
    """Fit RegNet's quantised line to the widths of networks.

    e_fit is the mean over all blocks of |log(width of the line / width of the block)|, as in
    figure 8 of the RegNet paper; it is 0 for RegNets. The search is over w_0 in steps of 8, w_m
    from 1.5 to 3 in steps of 0.001, and all w_a.
    """
    found = {name: fit_line(resolve_spec(name)) for name in networks}
    if as_json:
        click.echo(json.dumps({name: asdict(line) for name, line in found.items()}, indent=2))
        return
    rows = [
        (name, len(line.widths), line.w_0, f"{line.w_a:g}", f"{line.w_m:g}", f"{line.error:.4f}")
        for name, line in found.items()
    ]
    print_table("", ("network", "blocks", "w_0", "w_a", "w_m", "e_fit"), rows)
