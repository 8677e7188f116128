"""What is installed here, and how what is missing gets installed."""

from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, version

VERSION = "0.1.0"
"""Of this project; what builds its distribution reads it here."""


def how_to_install(*extras: str) -> str:
    """The command that installs what `extras` need, as the remedy of an error.

    It starts from a checkout, since this project is in no package index yet. MXNet's extra brings
    MXNet for Python 3.11 alone.
    """
    python = " with Python 3.11" if "mx" in extras else ""
    return f"pip install '.[{','.join(extras)}]'{python} in a checkout of this project"


def installed_version(module: str) -> tuple[str, str] | None:
    """Name and version of the distribution that an importable module belongs to.

    TensorFlow and MXNet come in distributions of several names, such as tensorflow_cpu. None for a
    module without a distribution, such as one that was built from source.
    """
    for name in _owners().get(module, ()):
        try:
            if found := version(name):
                return name, found
        except (PackageNotFoundError, ValueError):
            continue  # what an interrupted removal has left
    return None


@cache
def _owners() -> dict[str, list[str]]:
    """Distributions by the modules that they install; reading their lists takes a while."""
    return dict(packages_distributions())
