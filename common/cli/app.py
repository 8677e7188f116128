"""The command group; it reports errors as one line and an exit code."""

import io
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from common.cli.lazy import LazyGroup
from common.errors import MAX_REPEATED, AnyNetError, shortened, shown
from common.installs import VERSION

_COMMANDS = {
    "backends": ("backends", "backends"),
    "convert": ("convert", "convert"),
    "curves": ("curves", "curves"),
    "data": ("data", "data"),
    "evaluate": ("evaluate", "evaluate"),
    "export": ("export", "export"),
    "fit": ("fit", "fit"),
    "init-weights": ("init_weights", "init_weights"),
    "inspect": ("inspect", "inspect"),
    "parity": ("parity", "parity"),
    "plot": ("plot", "plot"),
    "predict": ("predict", "predict"),
    "spaces": ("spaces", "spaces"),
    "study": ("study", "study"),
    "summary": ("summary", "summary"),
    "train": ("train", "train"),
}
"""The module and the function of each command."""

_GIVEN = "arguments"
"""Key under which a context's `meta` keeps the command's arguments."""

_NO_VALUE = re.compile(r"--[a-z-]+=")


class _Group(LazyGroup):
    """Reports errors of the project and the file system as a message, with exit code 1."""

    def make_context(
        self, info_name: str | None, args: list[str], *rest: Any, **settings: Any
    ) -> click.Context:
        given = list(args)  # parsing empties `args`
        with _brief(given):
            empty = [word for word in given if word == "" or _NO_VALUE.fullmatch(word)]
            if empty and not settings.get("resilient_parsing"):  # which completes a line
                got = shown(empty[0])
                raise click.UsageError(
                    f"arguments must not be empty; got {got}; is a shell variable unset?"
                )
            context = super().make_context(info_name, args, *rest, **settings)
        context.meta[_GIVEN] = given
        return context

    def invoke(self, ctx: click.Context) -> Any:
        if isinstance(sys.stdout, io.TextIOWrapper):
            # A path may contain bytes that are not UTF-8: print them unchanged.
            sys.stdout.reconfigure(errors="surrogateescape")
        try:
            with _brief(ctx.meta.get(_GIVEN, [])):
                return super().invoke(ctx)
        except BrokenPipeError:
            raise  # `anynet ... | head`: click exits silently
        except (AnyNetError, OSError) as error:
            message = _shortened(str(error), ctx.meta.get(_GIVEN, []))
            raise click.ClickException(message) from error
        except KeyboardInterrupt:
            click.echo("interrupted", err=True)
            sys.exit(130)


@contextmanager
def _brief(arguments: list[str]) -> Iterator[None]:
    """Shorten long arguments in click's usage errors."""
    try:
        yield
    except click.UsageError as error:
        # click declares `message` as Final, but formats it only when it shows the error.
        error.message = _shortened(error.message, arguments)  # type: ignore[misc]
        raise


def _shortened(message: str, arguments: list[str]) -> str:
    """The message with long arguments, verbatim or as `repr`, shortened."""
    for argument in (part for whole in arguments for part in (whole, *whole.split("=", 1))):
        for text in (argument, repr(argument)[1:-1]):
            if len(text) > MAX_REPEATED:
                message = message.replace(text, shortened(text))
    return message


@click.group(cls=_Group, where=_COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="anynet")
def main() -> None:
    """AnyNet and RegNet design spaces, the same network in four frameworks.

    \b
    Look at a network:    anynet summary regnetx32 --image-size 96
    Draw it:              anynet plot regnetx_400mf --out regnetx_400mf.svg
    Train it:             anynet train --backend torch --data sample --epochs 2 --out runs/first
    Continue training:    anynet train --resume runs/first --epochs 4
    Evaluate it:          anynet evaluate runs/first --backend jax
    Classify an image:    anynet predict runs/first boot.png
    Export it:            anynet export runs/first --format onnx --out model.onnx
    Compare runs:         anynet curves runs/first runs/second --out both.png
    Look into a file:     anynet inspect runs/first
    Sample a space:       anynet spaces AnyNetXE-small --n 10
    Fit a line to it:     anynet fit regnetx_400mf
    Prepare photos:       anynet data prepare photos/ build/photos --size 256
    Convert a file:       anynet convert regnet_y_400mf.pth model.safetensors
    Compare spaces:       anynet study run first --space AnyNetXA-small --space AnyNetXE-small
    What is installed:    anynet backends

    Exit codes: 0 success, 1 the input or the run failed, 2 wrong command line,
    130 interrupted.
    """
