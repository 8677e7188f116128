"""The commands of `anynet study`, each imported when it is called."""

import importlib
from typing import Any

import click

from common.installs import how_to_install

_COMMANDS = {
    "create": ("run", "create"),
    "run": ("run", "run"),
    "work": ("run", "work"),
    "status": ("report", "status"),
    "list": ("report", "list_"),
    "retry": ("manage", "retry"),
    "extend": ("manage", "extend"),
    "delete": ("manage", "delete"),
    "export": ("report", "export"),
    "report": ("report", "report"),
}
"""The module and the function of each command."""


class _Lazy(click.Group):
    """Imports Optuna only for a command that needs it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in _COMMANDS:
            return None
        module, function = _COMMANDS[name]
        try:
            command: Any = getattr(importlib.import_module(f"common.cli.study.{module}"), function)
        except ModuleNotFoundError as error:
            if (error.name or "").split(".")[0] == "common":
                raise
            raise click.ClickException(
                f"study: needs {error.name}, which is not installed; {how_to_install('study')}"
            ) from error
        assert isinstance(command, click.Command)
        return command


@click.group(cls=_Lazy)
def study() -> None:
    """Train populations of networks from design spaces, and compare the spaces.

    \b
    All at once, on this machine:   anynet study run first --space AnyNetXA-small
                                      --space AnyNetXE-small --networks 16 --workers 2
    Only lay it out:                anynet study create first --space RegNetX-small
    Train, on any machine:          anynet study work first --storage URL
    How far it is:                  anynet study status first
    What came of it:                anynet study report first --out build/first
    Which there are:                anynet study list

    A study lives in --storage: a file (by default anynet-studies.db), postgresql://..., or
    journal:FILE for a disk that many machines share. Optuna's dashboard opens it as it is.
    """
