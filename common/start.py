"""The entry point of the `anynet` command, and a check that `common` is this project's package.

Other projects have packages named `common`, too. The check imports nothing, so that no foreign
code runs: the four packages, and `common/entry.py` for the command, run this file by its path.
"""

import importlib.util
import os
import sys


def check_common(package: str) -> None:
    """Raise `ImportError` if `import common` gives another project's package.

    `package` is the importing package, for the message.
    """
    found, own = _find_common(), _own_common()
    if found is None or os.path.realpath(found) != os.path.realpath(own):
        raise ImportError(
            f"{package}: needs the package common beside it, {own}; got {found or 'none'}, which "
            "is in the way; rename it, or take its folder off the import path",
            name="common",
            path=found,
        )


def _own_common() -> str:
    """The folder `common` beside the packages."""
    beside = importlib.util.find_spec("anynet_torch")
    packages = os.path.dirname(beside.origin) if beside and beside.origin else __file__
    return os.path.join(os.path.dirname(os.path.abspath(packages)), "common")


def _find_common() -> str | None:
    """The folder of the package, or the file of the module, that is imported as `common`."""
    module = sys.modules.get("common")
    if module is None:
        spec = importlib.util.find_spec("common")
        folders, file = (None, None) if spec is None else (
            spec.submodule_search_locations, spec.origin
        )  # fmt: skip
    else:
        folders, file = getattr(module, "__path__", None), getattr(module, "__file__", None)
    place = next(iter(folders or ()), file)
    return None if place is None else os.path.abspath(place)


def main() -> None:
    """The `anynet` command."""
    try:
        check_common("anynet")
    except ImportError as error:
        sys.exit(f"Error: {error}")
    from common.cli import main as command

    command()


if __name__ == "__main__":
    main()
