"""The chapter's tabs as it leaves them: its cells over each framework's plain layers.

A module here is a tab's `d2l`: the names that the cells take from the book, written with the
framework's own layers and their defaults as the book does (sections 7.6, 8.6.5 and 4.2). Its `Tab`
shows the network that comes out by this project's names and layouts.
"""

import importlib
from collections.abc import Iterable, Iterator
from functools import lru_cache, partial
from typing import Any

from tests.backends.cells import run, runnable
from tests.backends.tabs.known import Known

_SLIP, _MENDED = "num_channels, num_channels, groups, bot_mul", "num_channels, groups, bot_mul"


def open_tab(name: str, arch: Any = None, mended: bool = False) -> Any:
    """RegNetX32 of tab `name`, or its AnyNet of `arch`; `mended` without the slip in `stage`.

    The same cells give the same object, for building it takes seconds.
    """
    *building, _, _ = runnable(name, f"tests.backends.tabs.{name}_tab")
    code = "\n".join(building)
    return _build(name, code.replace(_SLIP, _MENDED) if mended else code, arch)


def known(name: str) -> Known:
    """What is known of tab `name`."""
    return importlib.import_module(f"tests.backends.tabs.{name}_tab").KNOWN


@lru_cache
def _build(name: str, code: str, arch: Any) -> Any:
    module = importlib.import_module(f"tests.backends.tabs.{name}_tab")
    names = run(name, [code])
    return module.Tab(partial(names["AnyNet"], arch, 32) if arch else names["RegNetX32"])


def name_layers(
    stem: Any, stages: Iterable[Iterable[Any]], linear: Any
) -> Iterator[tuple[str, Any]]:
    """Every layer that has arrays, under its canonical name."""
    yield "stem.conv", stem[0]
    yield "stem.bn", stem[1]
    for number, stage in enumerate(stages, 1):
        for index, block in enumerate(stage, 1):
            for kind in ("conv", "bn"):
                for position in range(1, 5):
                    layer = getattr(block, f"{kind}{position}", None)
                    if layer is not None:
                        yield f"stage{number}.block{index}.{kind}{position}", layer
    yield "head.fc", linear
