"""Options that several commands share."""

from collections.abc import Callable
from typing import Any

import click

from common.backends import FRAMEWORKS

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def backend_option(default: str | None = None) -> Decorator:
    """The framework to use."""
    return click.option(
        "--backend",
        type=click.Choice(list(FRAMEWORKS)),
        default=default,
        show_default=default is not None,
        help="Framework to run in.",
    )


def data_option(default: str | None = None) -> Decorator:
    """Where the images come from."""
    return click.option(
        "--data",
        metavar="full|sample|DIR",
        default=default,
        show_default=default is not None,
        help="Fashion-MNIST: full finds or downloads it, sample is the 6,000 + 1,000 images "
        "that ship with the package, DIR holds the four idx files.",
    )


def image_size_option() -> Decorator:
    """The side of the image that a network is looked at with."""
    return click.option(
        "--image-size",
        type=click.IntRange(1),
        help="Side of the square input image in pixels; default: that of an mlp, else 224 for a "
        "network on colour images, else 96.",
    )


def device_option(default: str | None = None) -> Decorator:
    """Where the network runs."""
    return click.option(
        "--device",
        type=click.Choice(["auto", "cpu", "gpu"]),
        default=default,
        show_default=default is not None,
        help="auto takes a GPU when the framework sees one.",
    )
