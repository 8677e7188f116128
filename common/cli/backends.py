"""`anynet backends`: what is installed here."""

import json

import click

from common.backends import FRAMEWORKS, load_backend
from common.cli.tables import print_table
from common.errors import BackendError


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def backends(as_json: bool) -> None:
    """List the four frameworks: installed versions and usable devices.

    Each framework that is installed is imported to ask for its devices, which takes seconds.
    MXNet and the other three want different versions of NumPy, so one environment seldom holds
    all; the nox sessions torch, mx, tf and jax make one for each.
    """
    found = {name: _describe(name) for name in FRAMEWORKS}
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    rows = [
        (name, data["framework"], data["versions"], data["devices"]) for name, data in found.items()
    ]
    print_table("", ("backend", "framework", "versions", "devices"), rows)


def _describe(name: str) -> dict[str, str]:
    framework = FRAMEWORKS[name]
    versions = ", ".join(f"{key} {value}" for key, value in framework.versions().items())
    if framework.missing:
        devices = f"not installed: pip install 'anynet[{name}]'"
    else:
        try:
            devices = ", ".join(load_backend(name).devices())
        except BackendError as error:
            devices = str(error)
    return {"framework": framework.title, "versions": versions, "devices": devices}
