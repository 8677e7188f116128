"""What is installed here, and how what is missing gets installed."""

from functools import cache
from importlib.metadata import Distribution, distributions

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
    return _installed().get(module)


@cache
def _installed() -> dict[str, tuple[str, str]]:
    """Name and version of the distribution of each module; to read all of them takes a while."""
    found: dict[str, tuple[str, str]] = {}
    for one in distributions():
        about = one.metadata
        # What an interrupted removal has left tells neither.
        if about and "Name" in about and "Version" in about:
            for module in _modules(one):
                found.setdefault(module, (about["Name"], about["Version"]))
    return found


def _modules(one: Distribution) -> set[str]:
    declared = (one.read_text("top_level.txt") or "").split()
    packages = (file.parts[0] for file in one.files or () if file.name == "__init__.py")
    return set(declared or packages)
