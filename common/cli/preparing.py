"""Options of `predict` and `evaluate` that change how the images of a file are prepared."""

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple, get_args

import click

from common.bounds import MAX_SIDE
from common.cli.checkpoints import geometry
from common.cli.types import SIDE, Integer
from common.data import Preprocessing
from common.data.preprocessing import Crop, Interpolation, Resize
from common.errors import ConfigError, shortened


class _WordOrSide(Integer):
    """One of some words, or a number of pixels."""

    def __init__(self, words: tuple[str, ...]) -> None:
        super().__init__(1, MAX_SIDE)
        self._words = words

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The word, or the number; a usage error for anything else."""
        if value in self._words:
            return value
        if not str(value).lstrip("-").isdigit():
            words = ", ".join(self._words)
            self.fail(f"{shortened(value)} is none of {words} and PIXELS", param, ctx)
        return super().convert(value, param, ctx)


class Preparing(NamedTuple):
    """What the command line says of the preparation of images; `None` for what it does not."""

    image_size: int | None
    resize: Resize | int | None
    crop: Crop | int | None
    interpolation: Interpolation | None

    @property
    def side(self) -> int | None:
        """The side of the network's input. Raises `ConfigError` if two are given."""
        cropped = self.crop if isinstance(self.crop, int) else None
        if None not in (cropped, self.image_size) and cropped != self.image_size:
            raise ConfigError(
                "crop: must be the --image-size, which is the side of what is cropped; got "
                f"{cropped} and {self.image_size}; leave one of them out"
            )
        return cropped or self.image_size

    @property
    def changes_more(self) -> bool:
        """Whether anything but the size is given."""
        return (self.resize, self.crop, self.interpolation) != (None, None, None)

    def applied(self, seen: Preprocessing) -> Preprocessing:
        """`seen`, which has its size already, with what is given. Raises `ConfigError`."""
        if not self.changes_more:
            return seen
        resize, to = self._resized(seen)
        interpolation = self.interpolation or seen.interpolation
        plain = to is None and interpolation == "bilinear"
        changed = replace(
            seen,
            resize=resize,
            resize_to=to,
            crop="none" if to is None else "center",
            interpolation=interpolation,
            antialias=seen.antialias or not plain,
        )
        click.echo(f"images: {geometry(changed)}, instead of {geometry(seen)}", err=True)
        return changed

    def _resized(self, seen: Preprocessing) -> tuple[Resize, int | None]:
        """The rule of resizing, and the side in pixels; `None` for that of the input."""
        cuts = self.crop not in (None, "none")
        if self.crop == "none" and self.resize not in (None, "stretch"):
            raise ConfigError(
                f"resize: {self.resize} keeps the aspect ratio, so the input must be cropped from "
                "the resized image; got --crop none; leave one out, or stretch"
            )
        if self.crop == "none" or (self.resize == "stretch" and not cuts):
            return "stretch", None
        if self.resize is None and not cuts:
            return seen.resize, seen.resize_to
        largest = max(seen.size)
        to = self.resize if isinstance(self.resize, int) else seen.resize_to
        if to is not None and to < largest:
            raise ConfigError(
                f"resize: must be at least the {largest} pixels of the input, which is cropped "
                f"from it; got {to}; choose a smaller --image-size"
            )
        rule: Resize = "stretch" if self.resize == "stretch" else "short_side"
        if self.resize is None and seen.resize_to is not None:
            rule = seen.resize
        return rule, to or largest * 256 // 224


def preparing_options(usual: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """--image-size, --resize, --crop and --interpolation, as one argument `preparing`.

    `usual` ends the help of the first.
    """
    options = (
        click.option(
            "--image-size",
            type=SIDE,
            help="Side in pixels of the network's input; default: an MLP's own size, else the "
            f"run's, else {usual}.",
        ),
        click.option(
            "--resize",
            type=_WordOrSide(get_args(Resize)),
            metavar="stretch|short_side|PIXELS",
            help="Instead of what the file says: stretch both sides to the input's; or resize the "
            "shorter side, to PIXELS or 256/224 of the input's, and crop.",
        ),
        click.option(
            "--crop",
            type=_WordOrSide(get_args(Crop)),
            metavar="none|center|PIXELS",
            help="Instead of what the file says: none stretches the whole image; center crops the "
            "input from the middle of the resized image; PIXELS is center and --image-size.",
        ),
        click.option(
            "--interpolation",
            type=click.Choice(get_args(Interpolation)),
            help="Filter that resizes, instead of what the file says.",
        ),
    )

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def wrapped(**arguments: Any) -> Any:
            given = {name: arguments.pop(name) for name in Preparing._fields}
            return function(preparing=Preparing(**given), **arguments)

        for option in reversed(options):
            wrapped = option(wrapped)
        return wrapped

    return decorate
