"""Options that several commands share."""

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any, get_args

import click

from common.backends import FRAMEWORKS
from common.cli import completion
from common.cli.types import DEVICES, IMAGES, SIDE, Number
from common.training import RECIPES, Precision, Recipe
from common.training.recipe import Optimizer
from common.weights import DRAWN

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


def data_option(default: str | None = None, default_text: str = "") -> Decorator:
    """Where the images come from; `default_text` describes a default that is no fixed value."""
    return click.option(
        "--data",
        metavar="NAME|FILE.npz|DIR",
        shell_complete=completion.data,
        default=default,
        show_default=default is not None,
        help="full finds or downloads Fashion-MNIST, sample is its bundled 6,000 + 1,000 images; "
        "cifar10 and cifar100 are found or downloaded; FILE.npz has images and labels; DIR has "
        "train/CLASS and val/CLASS folders of images, or CLASS folders alone, or the shards of "
        f"anynet data prepare, or the files of Fashion-MNIST, MNIST or CIFAR.{default_text}",
    )


def image_size_option() -> Decorator:
    """The side of the input image."""
    return click.option(
        "--image-size",
        type=SIDE,
        help="Side of the square input image in pixels; default: an MLP's own size, else the "
        "run's, else 224 for networks on colour images and 96 for others.",
    )


def overwrite_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Whether files not written by this project may be replaced."""
    return click.option(
        "--overwrite",
        is_flag=True,
        help="Replace any file; by default, only files that anynet wrote are replaced.",
    )(function)


def device_option(default: str | None = None) -> Decorator:
    """Where the network runs."""
    return click.option(
        "--device",
        type=click.Choice(["auto", "cpu", "gpu"]),
        default=default,
        show_default=default is not None,
        help="auto uses a GPU if the framework sees one.",
    )


def devices_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """How many devices train together."""
    return click.option(
        "--devices",
        type=DEVICES,
        default=1,
        show_default=True,
        help="Number of devices of this machine that train together, each on an equal part of "
        "every batch (torch and jax).",
    )(function)


def precise_bn_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """The number of images over which batch-norm statistics are computed."""
    return click.option(
        "--precise-bn",
        metavar="IMAGES",
        type=IMAGES,
        default=0,
        show_default=True,
        help="Precise batch norm: before validation, compute batch-norm statistics over this many "
        "training images, such as 8192 (whole batches, at most one epoch); 0 uses the running "
        "averages.",
    )(function)


def precision_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """What a network computes in."""
    return click.option(
        "--precision",
        type=click.Choice(get_args(Precision)),
        default="float32",
        show_default=True,
        help="What the network computes in: float32; bfloat16 with float32 weights, in PyTorch, "
        "TensorFlow and JAX; tf32, float32 with products rounded to TF32, on a GPU; or float64.",
    )(function)


def freeze_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """The parts of the network that do not change."""
    return click.option(
        "--freeze",
        metavar="PART,...",
        default="",
        callback=lambda ctx, param, value: tuple(filter(None, value.split(","))),
        help="Parts of the network that do not change, such as stem,stage1: stem, stage1 and so "
        "on, head. Their batch norms use the running statistics, which stay, too.",
    )(function)


def init_option(default: str | None, default_text: str = "") -> Decorator:
    """How initial weights are drawn; `default_text` describes a default that is no fixed value."""
    return click.option(
        "--init",
        type=click.Choice(DRAWN),
        default=default,
        show_default=default is not None,
        help="How initial weights are drawn: xavier as in the chapter; he as in the RegNet paper "
        "and pycls; he_zero_gamma as he, with the last batch norm of each block at zero."
        f"{default_text}",
    )


def recipe_options(default: str, more: str = "") -> Decorator:
    """The recipe by name, and options that change individual settings of it.

    `more` ends the help on the recipes.
    """
    options = (
        click.option(
            "--recipe",
            type=click.Choice(list(RECIPES)),
            default=default,
            show_default=True,
            help="chapter: plain SGD at a constant rate. The others have Nesterov momentum 0.9 and "
            "a cosine schedule. regnet: weight decay 5e-5, 5 epochs of warm-up; population: with "
            "half an epoch, for short training; pycls-population: without, and with a rate that "
            "changes with each epoch; imagenet, cifar: complete trainings of these data "
            "sets from pycls; "
            f"finetune: for trained --weights. {more}The options from --momentum to "
            "--ema-decay change individual settings.",
        ),
        click.option("--momentum", type=Number(), help="Momentum of SGD, from 0 to below 1."),
        click.option("--nesterov/--no-nesterov", default=None, help="Nesterov's momentum."),
        click.option("--weight-decay", type=Number(), help="Factor of the L2 penalty."),
        click.option("--warmup-epochs", type=Number(), help="Epochs of linear warm-up."),
        click.option(
            "--epochwise/--no-epochwise",
            default=None,
            help="Change the rate with each epoch, as pycls does, not with each step.",
        ),
        click.option(
            "--schedule",
            type=click.Choice(["constant", "cosine"]),
            help="Learning rate after the warm-up.",
        ),
        click.option(
            "--label-smoothing",
            type=Number(0, 1, max_open=True),
            help="Share of each label that is spread over all classes, such as 0.1; 0 for none.",
        ),
        click.option(
            "--optimizer",
            type=click.Choice(get_args(Optimizer)),
            help="sgd, or adamw in place of the recipe's SGD and its momentum.  [default: sgd]",
        ),
        click.option("--beta1", type=Number(), help="AdamW's decay of gradients.  [default: 0.9]"),
        click.option("--beta2", type=Number(), help="Of their squares.  [default: 0.999]"),
        click.option("--epsilon", type=Number(), help="AdamW's epsilon.  [default: 1e-8]"),
        click.option(
            "--clip-norm",
            type=Number(),
            help="Scale gradients so that their common norm is at most this; default: any norm.",
        ),
        click.option(
            "--ema-decay",
            type=Number(),
            help="Validate and save an exponential moving average of the weights, such as 0.999 of "
            "the last average and 0.001 of the weights after each step; default: the weights.",
        ),
    )

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


def chosen_recipe(options: dict[str, Any], usual: Recipe | None = None) -> Recipe:
    """The recipe selected by the options of `recipe_options`; `usual` replaces that of --recipe.

    AdamW takes the place of a recipe's SGD, whose momentum it does not have.
    """
    names = [item.name for item in fields(Recipe)]
    given = {name: options[name] for name in names if options[name] is not None}
    without = {"momentum": 0.0, "nesterov": False} if options["optimizer"] == "adamw" else {}
    return replace(usual or RECIPES[options["recipe"]], **{**without, **given})
