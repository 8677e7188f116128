"""The subcommands of `anynet study`, imported on demand."""

import click

from common.cli.lazy import LazyGroup
from common.installs import how_to_install

_COMMANDS = {
    "create": ("study.run", "create"),
    "run": ("study.run", "run"),
    "work": ("study.run", "work"),
    "import": ("study.imports", "import_"),
    "status": ("study.report", "status"),
    "list": ("study.report", "list_"),
    "retry": ("study.manage", "retry"),
    "extend": ("study.manage", "extend"),
    "delete": ("study.manage", "delete"),
    "export": ("study.report", "export"),
    "report": ("study.report", "report"),
    "power": ("study.plan", "power"),
    "calibrate": ("study.plan", "calibrate"),
    "coverage": ("study.coverage", "coverage"),
}


class _Group(LazyGroup):
    """Tells how to install what a command imports, such as Optuna."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        try:
            return super().get_command(ctx, cmd_name)
        except ModuleNotFoundError as error:
            if (error.name or "").split(".")[0] == "common":
                raise
            if ctx.resilient_parsing:  # a shell completes the line
                return None
            raise click.ClickException(
                f"study: needs {error.name}, which is not installed; {how_to_install('study')}"
            ) from error


@click.group(cls=_Group, where=_COMMANDS)
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
