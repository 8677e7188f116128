"""Installed distributions, and the commands that install missing ones."""

from functools import cache
from importlib.metadata import Distribution, distributions

VERSION = "0.1.0"
"""Version of this project; the build back end reads it here."""


def how_to_install(*extras: str) -> str:
    """The command that installs the `extras`, for error messages.

    It needs a checkout: this project is in no package index yet. MXNet's extra needs Python 3.11.
    """
    python = " with Python 3.11" if "mx" in extras else ""
    return f"pip install '.[{','.join(extras)}]'{python} in a checkout of this project"


def installed_version(module: str) -> tuple[str, str] | None:
    """Name and version of the distribution that provides `module`; None if there is none.

    The names differ: TensorFlow may come from tensorflow or tensorflow_cpu. Modules on the import
    path that were not installed have no distribution.
    """
    return _installed().get(module)


@cache
def _installed() -> dict[str, tuple[str, str]]:
    """Name and version of the distribution of each module; cached, for scanning is slow."""
    found: dict[str, tuple[str, str]] = {}
    for one in distributions():
        about = one.metadata
        # An interrupted uninstallation leaves metadata without name and version.
        if about and "Name" in about and "Version" in about:
            for module in _modules(one):
                found.setdefault(module, (about["Name"], about["Version"]))
    return found


def _modules(one: Distribution) -> set[str]:
    declared = (one.read_text("top_level.txt") or "").split()
    packages = (file.parts[0] for file in one.files or () if file.name == "__init__.py")
    return set(declared or packages)
