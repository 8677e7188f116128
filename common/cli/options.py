"""Options that several commands share."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import click

from common.backends import FRAMEWORKS
from common.cli.types import IMAGES, SIDE, Number
from common.training import RECIPES, Recipe

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


def data_option(default: str | None = None, told: str = "") -> Decorator:
    """Where the images come from; `told` says what the default is where it is not a value."""
    return click.option(
        "--data",
        metavar="full|sample|DIR",
        default=default,
        show_default=default is not None,
        help="Fashion-MNIST: full finds or downloads it, sample is the 6,000 + 1,000 images "
        "that ship with the package, DIR holds the four idx files, gzipped or not, or "
        f"torchvision's FashionMNIST/raw.{told}",
    )


def image_size_option() -> Decorator:
    """The side of the image that a network is looked at with."""
    return click.option(
        "--image-size",
        type=SIDE,
        help="Side of the square input image in pixels; default: that of an mlp, else that of the "
        "run, else 224 for a network on colour images, else 96.",
    )


def overwrite_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Whether files may be replaced that this project did not write."""
    return click.option(
        "--overwrite",
        is_flag=True,
        help="Replace any file; without it, only files that anynet wrote are replaced.",
    )(function)


def device_option(default: str | None = None) -> Decorator:
    """Where the network runs."""
    return click.option(
        "--device",
        type=click.Choice(["auto", "cpu", "gpu"]),
        default=default,
        show_default=default is not None,
        help="auto takes a GPU when the framework sees one.",
    )


def precise_bn_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Over how many images batch norms' statistics are computed."""
    return click.option(
        "--precise-bn",
        metavar="IMAGES",
        type=IMAGES,
        default=0,
        show_default=True,
        help="Precise batch norm: compute the statistics of batch norms over this many training "
        "images before validating, such as 8192, in whole batches of one epoch at the most; "
        "0 keeps the running averages.",
    )(function)


def recipe_options(default: str) -> Decorator:
    """The recipe by name, and options that change single settings of it."""
    options = (
        click.option(
            "--recipe",
            type=click.Choice(list(RECIPES)),
            default=default,
            show_default=True,
            help="chapter: plain SGD at a constant rate; regnet: momentum 0.9, Nesterov, weight "
            "decay 5e-5, 5 epochs of warm-up, cosine; population: the same with half an epoch of "
            "warm-up, for few epochs. The five options below change single settings of it.",
        ),
        click.option("--momentum", type=Number()),
        click.option("--nesterov/--no-nesterov", default=None),
        click.option("--weight-decay", type=Number()),
        click.option("--warmup-epochs", type=Number()),
        click.option("--schedule", type=click.Choice(["constant", "cosine"])),
    )

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


def chosen_recipe(options: dict[str, Any]) -> Recipe:
    """The recipe that the options of `recipe_options` mean."""
    names = ("momentum", "nesterov", "weight_decay", "warmup_epochs", "schedule")
    given = {name: options[name] for name in names if options[name] is not None}
    return replace(RECIPES[options["recipe"]], **given)
