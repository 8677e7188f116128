"""Groups of commands."""

import click

_WHOLE = 1000
"""Characters of a summary: more than any has."""


class Group(click.Group):
    """A group whose `--help` has the whole first sentence of each command, on several lines."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the names and summaries of the commands."""
        found = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        rows = [(name, one.get_short_help_str(_WHOLE)) for name, one in found if one is not None]
        with formatter.section("Commands"):
            formatter.write_dl(rows)
