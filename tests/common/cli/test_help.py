"""What `--help` prints."""

import click
import pytest
from click.testing import CliRunner

from common.cli import main


def _paths(group, path=()):
    """Every command, as the words that call it."""
    yield path
    if isinstance(group, click.Group):
        context = click.Context(group)
        for name in group.list_commands(context):
            yield from _paths(group.get_command(context, name), (*path, name))


def _command(path):
    command = main
    for name in path:
        command = command.get_command(click.Context(command), name)
    return command


@pytest.mark.parametrize("path", list(_paths(main)), ids=" ".join)
def test_help_says_what_a_command_does_without_marks_of_its_source(path):
    done = CliRunner().invoke(main, [*path, "--help"])
    assert done.exit_code == 0
    assert "\n  " in done.stdout.partition("Options:")[0]
    assert "\\" not in done.stdout


_GROUPS = [path for path in _paths(main) if isinstance(_command(path), click.Group)]


@pytest.mark.parametrize("width", [40, 80, 200])
@pytest.mark.parametrize("path", _GROUPS, ids=" ".join)
def test_the_summary_of_a_command_is_its_whole_first_sentence(path, width):
    group = _command(path)
    shown = click.Context(group, info_name="anynet", terminal_width=width).get_help()
    summaries = " ".join(shown.partition("Commands:")[2].split())
    for name in group.list_commands(click.Context(group)):
        first = _command((*path, name)).help.partition(".\n")[0].partition(". ")[0]
        assert f"{name} {' '.join(first.split()).removesuffix('.')}" in summaries


def test_examples_keep_their_lines():
    lines = click.Context(main, info_name="anynet").get_help().splitlines()
    assert "  Continue training:    anynet train --resume runs/first --epochs 4" in lines


_OPTIONS = [
    pytest.param(option, id=" ".join((*path, option.name)))
    for path in _paths(main)
    for option in _command(path).params
    if isinstance(option, click.Option)
]


@pytest.mark.parametrize("option", _OPTIONS)
def test_every_option_is_explained(option):
    assert option.help
