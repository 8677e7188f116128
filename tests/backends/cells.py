"""The chapter's own cells, to be run as printed.

`chapter/printed.txt` holds them as the chapter's text does, which has lost their indentation, and
`chapter/cells.txt` with the indentation that they need.
"""

import re
from pathlib import Path
from typing import Any

from common.backends import FRAMEWORKS

FOLDER = Path(__file__).parent / "chapter"

NAMES = {"torch": "pytorch", "mx": "mxnet", "tf": "tensorflow", "jax": "jax"}
"""What the chapter calls a tab."""

REFUSED = {
    "tf": (
        "tf.keras.models.Sequential(self.stem(stem_channels))",
        "tf.keras.models.Sequential([self.stem(stem_channels)])",
    )
}
"""By tab, the one expression that its framework refuses today, and how it can be written."""

_IMPORT = re.compile(r"^from d2l import \w+ as d2l$", re.MULTILINE)


class Tab:
    """The `tab` that the chapter's first cell loads: it says which tab is shown."""

    def __init__(self, name: str) -> None:
        self._name = NAMES[name]

    def interact_select(self, names: list[str]) -> None:
        """A notebook asks its reader here."""
        assert self._name in names

    def selected(self, name: str) -> bool:
        """Whether the tab is the one that is shown."""
        return name == self._name


def cells(name: str, d2l: str | None = None) -> list[str]:
    """The code of a tab's cells, with `import d2l`, by default our package, as the import of d2l.

    What notebooks take out is left out: the line that loads `tab`, and those that name tabs.
    """
    ours = f"import {d2l or FRAMEWORKS[name].package} as d2l"
    found = []
    for cell in (FOLDER / "cells.txt").read_text().split("\n\n%%tab "):
        tabs, _, code = cell.partition("\n")
        if tabs.startswith("%load_ext"):
            found.append(code)
        elif NAMES[name] in tabs.split(", "):
            found.append(_IMPORT.sub(ours, code))
    return found


def runnable(name: str, d2l: str | None = None) -> list[str]:
    """`cells`, with the code that the framework refuses replaced by what it accepts."""
    refused, written = REFUSED.get(name, ("", ""))
    code = cells(name, d2l)
    if not refused:
        return code
    assert "\n".join(code).count(refused) == 1
    return [cell.replace(refused, written) for cell in code]


def run(name: str, parts: list[str], names: dict[str, Any] | None = None) -> dict[str, Any]:
    """The names that the cells `parts` define, after those in `names`."""
    names = {"__name__": "chapter", "tab": Tab(name)} if names is None else names
    for code in parts:
        exec(compile(code, f"the chapter's cells, {name}", "exec"), names)
    return names
