"""`anynet plot`: a diagram of a network."""

from pathlib import Path

import click

from common.cli import completion
from common.cli.checkpoints import choose_image_size, find_config, sized
from common.cli.networks import resolve_spec
from common.cli.options import image_size_option, overwrite_option
from common.marks import check_target
from common.plotting import draw_network, save_figure


@click.command()
@click.argument("network", metavar="NAME|SPEC.json|CHECKPOINT", shell_complete=completion.networks)
@image_size_option()
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default="network.png",
    show_default=True,
    help="Figure to write; the suffix selects the format (png, svg, pdf).",
)
@overwrite_option
def plot(network: str, image_size: int | None, out: Path, overwrite: bool) -> None:
    """Draw a network: the widths of its blocks, and its parts.

    NETWORK is a name (regnetx_400mf, RegNetY-4.0GF), a spec file, a checkpoint or a run directory.
    For the networks of the RegNet paper the figure also shows the line w_0 + w_a j from which the
    widths are quantised.
    """
    check_target(out, overwrite)
    spec = resolve_spec(network)
    size = choose_image_size(spec, image_size, find_config(network))
    save_figure(draw_network(spec, size, f"{network} at {sized(size)}"), out)
    click.echo(f"written to {out}")
