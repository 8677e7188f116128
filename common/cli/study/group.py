"""The subcommands of `anynet study`, imported on demand."""

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
    "power": ("plan", "power"),
    "calibrate": ("plan", "calibrate"),
}
"""The module and the function of each command."""


class _Lazy(click.Group):
    """Imports a command, and with it Optuna, only when it is called."""

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
    """Train populations of networks and compare their spaces.

    \b
    Create and train, here:         anynet study run first --space AnyNetXA-small
                                      --space AnyNetXE-small --networks 16 --workers 2
    Create only:                    anynet study create first --space RegNetX-small
    Train, on any machine:          anynet study work first --storage URL
    Show progress:                  anynet study status first
    Write a report:                 anynet study report first --out build/first
    List studies:                   anynet study list

    A study is kept in --storage: a file (by default anynet-studies.db), postgresql://..., or
    journal:FILE on a disk that many machines share. Optuna's dashboard can open it.
    """
