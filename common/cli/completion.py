"""What a shell proposes when Tab is pressed: names of networks, spaces, data, runs and studies.

Click completes commands, options and choices such as backends and recipes itself. A function here
gets the context, the parameter and what was typed so far, as `shell_complete` of Click says, and
never raises: what cannot be read is not proposed.
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import click
from click.shell_completion import CompletionItem

from common.arch import NAMED_SPECS
from common.backends import FRAMEWORKS
from common.data.open import SETS
from common.errors import AnyNetError
from common.spaces import SPACES
from common.training.run import CONFIG

Items = list[CompletionItem]

_MAX_ENTRIES: Final = 2000
"""Directory entries that are looked at for runs: nobody waits for a search of all images."""

_FILES: Final = CompletionItem("", type="file")
"""Files, which the shell looks for itself."""

_DEPTH: Final = 2
"""Runs are looked for in the directory that is being typed, and in those in it."""


def networks(context: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    """Names of networks, runs, and files."""
    return [_FILES, *_starting(NAMED_SPECS, incomplete), *_items(_runs(incomplete))]


def named_networks(context: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    """Names of networks, and files."""
    return [_FILES, *_starting(NAMED_SPECS, incomplete)]


def spaces(context: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    """Names of design spaces, and files."""
    return [_FILES, *_starting(SPACES, incomplete)]


def runs(context: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    """Directories of runs."""
    return _items(_runs(incomplete))


def runs_and_files(context: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    """Directories of runs, and files, such as checkpoints."""
    return [_FILES, *_items(_runs(incomplete))]


def data(context: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    """Names of data sets, and files and folders."""
    return [_FILES, *_starting(("full", "sample", *SETS), incomplete)]


def backends(context: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    """Names of backends, of which several may be joined by commas."""
    before, comma, last = incomplete.rpartition(",")
    free = [name for name in FRAMEWORKS if name not in before.split(",")]
    return [CompletionItem(f"{before}{comma}{name}") for name in free if name.startswith(last)]


def studies(context: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    """Names of the studies in the file that `--storage` names; a server is not asked."""
    from common.studies.address import storage_file
    from common.studies.catalog import list_studies

    storage = context.params.get("storage") or "anynet-studies.db"
    try:
        file = storage_file(storage)
        there = file is not None and file.is_file() and file.stat().st_size  # an empty one stays so
        names = [entry.name for entry in list_studies(storage)] if there else []
    except (AnyNetError, OSError):
        return []
    return list(_starting(names, incomplete))


def _starting(names: Iterable[str], incomplete: str) -> Iterator[CompletionItem]:
    """The names that begin with what was typed, in upper or lower case."""
    typed = incomplete.lower()
    return (CompletionItem(name) for name in names if name.lower().startswith(typed))


def _items(values: Iterable[str]) -> Items:
    return [CompletionItem(value) for value in values]


def _runs(incomplete: str) -> list[str]:
    """Directories of runs whose paths begin with what was typed."""
    before, _, name = incomplete.rpartition("/")
    top = f"{before}/" if "/" in incomplete else ""
    return sorted(_runs_in(top, name, _DEPTH, iter(range(_MAX_ENTRIES))))


def _runs_in(top: str, name: str, depth: int, budget: Iterator[int]) -> Iterator[str]:
    """Runs below the directory `top`, within entries of it that begin with `name`."""
    try:
        with os.scandir(Path(top).expanduser()) as entries:
            for entry, _ in zip(entries, budget, strict=False):
                if entry.name.startswith(".") or not entry.name.startswith(name):
                    continue
                if not entry.is_dir():
                    continue
                path = f"{top}{entry.name}"
                if os.path.exists(os.path.join(entry.path, CONFIG)):
                    yield path
                elif depth > 1:
                    yield from _runs_in(f"{path}/", "", depth - 1, budget)
    except OSError:
        return
