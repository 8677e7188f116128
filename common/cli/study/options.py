"""Options that the study commands share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import click
from click.core import ParameterSource

from common.bounds import MAX_SEEDS
from common.cli import completion
from common.cli.commands import command_line
from common.cli.image_options import image_options
from common.cli.options import (
    Decorator,
    backend_option,
    data_option,
    device_option,
    init_option,
    precise_bn_option,
    precision_option,
    recipe_options,
)
from common.cli.types import BATCH, EPOCHS, NETWORKS, SEED, SIDE, WORKERS, Integer, Number
from common.errors import shortened
from common.studies.address import shown
from common.studies.config import ErrorOf
from common.studies.launch import STORAGE
from common.studies.trials import GRACE

_Function = Callable[..., Any]


class _Interval(click.ParamType[tuple[float, float]]):
    """LOW:HIGH, two numbers such as 2e6:4e6."""

    name = "low:high"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, float]:
        if isinstance(value, tuple):
            return value
        try:
            low, high = map(float, value.split(":"))
        except ValueError:
            self.fail(f"must be LOW:HIGH such as 2e6:4e6; got {shortened(value)}", param, ctx)
        return low, high


def name_argument() -> Decorator:
    """The name of the study."""
    return click.argument("name", shell_complete=completion.studies)


def storage_option() -> Decorator:
    """The storage that contains the study."""
    return click.option(
        "--storage",
        metavar="URL",
        envvar=STORAGE,
        default="anynet-studies.db",
        show_default=True,
        help="FILE, sqlite:///FILE, postgresql://USER@HOST/DATABASE or journal:FILE.",
    )


def objective_option() -> Decorator:
    """The Python function that evaluates networks."""
    return click.option(
        "--objective",
        metavar="FILE.py:FUNCTION",
        help="A Python function that evaluates each network instead of the built-in training.",
    )


def suggested(verb: str, name: str, storage: str, *more: object) -> str:
    """A command on the same study, quoted for a shell, without the storage's password."""
    context = click.get_current_context()
    given = context.get_parameter_source("storage") is ParameterSource.COMMANDLINE
    words = ("--storage", shown(storage)) if given else ()
    return command_line("anynet", "study", verb, name, *words, *more)


def new_study_options(function: _Function) -> _Function:
    """The options that define a study: all fields of its config."""
    for option in reversed(
        (
            click.option(
                "--space", "spaces", multiple=True, metavar="NAME|FILE.yaml",
                shell_complete=completion.spaces,
                help="A design space; repeat it to compare several. anynet spaces lists them.",
            ),
            click.option(
                "--config", type=click.Path(path_type=Path, dir_okay=False),
                help="The study.json of another study, instead of all options below.",
            ),
            click.option(
                "--networks", type=NETWORKS, default=64, show_default=True,
                help="Networks per space.",
            ),
            click.option(
                "--flops", type=_Interval(),
                help="Range of multiply-adds, LOW:HIGH such as 2e6:4e6.",
            ),
            click.option("--params", type=_Interval(), help="Range of parameters."),
            click.option("--activations", type=_Interval(), help="Range of activations."),
            click.option(
                "--study-seed", type=SEED, default=0, show_default=True,
                help="Seed that samples the networks.",
            ),
            backend_option("torch"),
            data_option("sample"),
            image_options,
            click.option(
                "--epochs", type=EPOCHS, default=3, show_default=True, help="Epochs per network."
            ),
            click.option(
                "--batch-size", type=BATCH, default=128, show_default=True,
                help="Images per training step.",
            ),
            click.option(
                "--image-size", type=SIDE, default=28, show_default=True,
                help="Side in pixels to which images are resized.",
            ),
            click.option(
                "--lr", type=Number(), default=0.1, show_default=True, help="Learning rate."
            ),
            recipe_options(
                "population", "A study takes only their optimizer, schedule and smoothing. "
            ),
            click.option(
                "--seed", type=SEED, default=0, show_default=True,
                help="Draws the weights and the order of the images, the same for every network.",
            ),
            click.option(
                "--seeds", type=Integer(1, MAX_SEEDS), default=1, show_default=True,
                help="Train each network with so many seeds from --seed on; the mean error counts.",
            ),
            device_option("auto"),
            precise_bn_option,
            init_option(None, "  [default: xavier; he for pycls-population]"),
            click.option(
                "--error", "error_of", type=click.Choice(get_args(ErrorOf)), default="last",
                show_default=True,
                help="The error of a network: after its last epoch, or the least of all epochs.",
            ),
            precision_option,
            click.option(
                "--pruner", type=click.Choice(["none", "halving"]), default="none",
                show_default=True,
                help="halving: after 1, 2, 4, ... epochs only the better half continues.",
            ),
            objective_option(),
        )
    ):  # fmt: skip
        function = option(function)
    return function


def grace_option() -> Decorator:
    """After how long without a heartbeat a worker counts as gone."""
    return click.option(
        "--grace",
        type=Number(0, min_open=True),
        default=GRACE,
        show_default=True,
        help="Seconds without a heartbeat after which another worker's network is taken over.",
    )


def at_once_option() -> Decorator:
    """The number of networks that one process trains at a time."""
    return click.option(
        "--at-once", type=WORKERS, default=1, show_default=True,
        help="Networks that each worker trains at a time, in threads; for GPUs, which small "
        "networks leave idle. In PyTorch and JAX.",
    )  # fmt: skip


def worker_options(function: _Function) -> _Function:
    """The number of workers, and the resources of each."""
    for option in reversed(
        (
            click.option(
                "--workers", type=WORKERS, default=1, show_default=True, help="Worker processes."
            ),
            click.option(
                "--threads", type=WORKERS,
                help="Threads per worker; default: an equal share of the cores.",
            ),
            click.option(
                "--gpus", type=Number(0), default=0, show_default=True,
                help="GPUs that the workers share; with --ray, GPUs per worker, such as 0.25.",
            ),
            at_once_option(),
            grace_option(),
            click.option(
                "--ray", metavar="[ADDRESS]", is_flag=False, flag_value="local",
                help="Place the workers on the Ray cluster at ADDRESS, or start Ray here.",
            ),
        )
    ):  # fmt: skip
        function = option(function)
    return function
