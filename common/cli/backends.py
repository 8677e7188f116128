"""`anynet backends`: installed frameworks and their devices."""

import json
from concurrent.futures import ThreadPoolExecutor

import click

from common.backends import FRAMEWORKS
from common.cli.probe import find_devices
from common.cli.tables import print_table
from common.errors import BackendError
from common.gpus import find_nvidia
from common.installs import how_to_install


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def backends(as_json: bool) -> None:
    """List the frameworks: installed versions and devices.

    Each installed framework is started in a separate process to list its devices, which takes
    seconds. Lines below the table say what is missing, what failed, and which framework does not
    see an NVIDIA device of this machine. MXNet and the other three need different versions of
    NumPy, so one environment rarely holds all; the nox sessions torch, mx, tf and jax create one
    for each.
    """
    with ThreadPoolExecutor() as threads:
        found = dict(zip(FRAMEWORKS, threads.map(_describe, FRAMEWORKS), strict=True))
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    rows = [
        (name, data["framework"], data["versions"], data["devices"]) for name, data in found.items()
    ]
    print_table("", ("backend", "framework", "versions", "devices"), rows)
    for data in found.values():
        if data["note"]:
            click.echo(data["note"])


def _describe(name: str) -> dict[str, str]:
    framework = FRAMEWORKS[name]
    versions = ", ".join(f"{key} {value}" for key, value in framework.versions().items())
    devices, note = _devices(name)
    return {
        "framework": framework.title,
        "versions": versions,
        "devices": devices,
        "note": note,
    }


def _devices(name: str) -> tuple[str, str]:
    """The devices of a backend, or why there are none, and a note."""
    framework = FRAMEWORKS[name]
    if framework.missing:
        needs = ", ".join(framework.missing)
        return "not installed", f"backend {name}: needs {needs}; {how_to_install(name)}"
    try:
        devices = find_devices(name)
    except BackendError as error:
        return "broken", str(error)
    gpu = find_nvidia() if devices == ["cpu"] else None
    return ", ".join(devices), framework.without(gpu) if gpu else ""
