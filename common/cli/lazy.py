"""A group of commands that are imported on demand, so that each command starts quickly."""

import importlib
from collections.abc import Mapping
from typing import Any

import click

from common.cli.groups import Group


class LazyGroup(Group):
    """Imports a command only when it is called, or when the help of the group is shown.

    - `where`: the module and the function of each command, in the order of the help.
    """

    def __init__(self, *arguments: Any, where: Mapping[str, tuple[str, str]], **settings: Any):
        super().__init__(*arguments, **settings)
        self._where = where

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all commands."""
        return list(self._where)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a name, which is imported; `None` if there is none."""
        if cmd_name not in self._where:
            return None
        module, function = self._where[cmd_name]
        command: Any = getattr(importlib.import_module(f"common.cli.{module}"), function)
        assert isinstance(command, click.Command)
        return command
