"""`anynet train`: train a network and write a run directory."""

from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import click
from click.core import ParameterSource

from common.arch import NAMED_SPECS, AnyNetSpec
from common.backends import start_backend
from common.cli.checkpoints import choose_image_size, seen_at
from common.cli.commands import command_line
from common.cli.evaluations import print_evaluation
from common.cli.networks import resolve_spec
from common.cli.options import (
    backend_option,
    chosen_recipe,
    data_option,
    device_option,
    precise_bn_option,
    recipe_options,
)
from common.cli.start import Start
from common.cli.types import BATCH, EPOCHS, IMAGES, SEED, SIDE, STEPS, Number
from common.data import DataInfo, DataOptions, find_data, open_data
from common.data.augment import AUGMENTATIONS
from common.data.sources.split import VALIDATION_SHARE
from common.errors import ConfigError
from common.training import Precision, TrainConfig, read_config, read_record
from common.training.checks import check_images
from common.training.config import RESUMABLE
from common.training.rows import END, best_epoch
from common.training.run import BEST, RECORD, check_free


@click.command()
@backend_option("torch")
@click.option(
    "--model",
    metavar="NAME|SPEC.json",
    default="regnetx32",
    show_default=True,
    help="Network to train; a named one gets the channels and classes of the data.",
)
@click.option(
    "--weights",
    metavar="CHECKPOINT|RUN|NAME",
    help="Start from this network instead of --model and its initial weights: a file or name that "
    "anynet convert reads, such as timm:regnety_004, or a run directory. Images are prepared as it "
    "saw them. If it has other classes than the data, a new head is drawn from --seed.",
)
@data_option("full")
@click.option(
    "--augment",
    type=click.Choice(list(AUGMENTATIONS)),
    default="none",
    show_default=True,
    help="Vary training images: flip mirrors half of them, cifar also shifts them by up to 4 "
    "pixels, imagenet takes random resized crops, mirrors and PCA lighting.",
)
@click.option(
    "--channels",
    type=click.Choice(["1", "3"]),
    default="3",
    show_default=True,
    help="Read the image files of a folder as grey (1) or colour (3).",
)
@click.option(
    "--val-share",
    type=Number(0, 1, min_open=True, max_open=True),
    default=VALIDATION_SHARE,
    show_default=True,
    help="Share of each class to validate on, if the data has no validation images.",
)
@click.option(
    "--split-seed", type=SEED, default=0, show_default=True, help="Draws those validation images."
)
@click.option(
    "--workers",
    type=IMAGES,
    help="Threads that prepare images ahead of their use; default: one per core. Batches do not "
    "depend on it.",
)
@click.option("--epochs", type=EPOCHS, default=10, show_default=True, help="Epochs in all.")
@click.option(
    "--batch-size", type=BATCH, default=128, show_default=True, help="Images per training step."
)
@click.option(
    "--image-size",
    type=SIDE,
    help="Side in pixels to which images are resized; default: an MLP's own size, else that of "
    "--weights, else that of the data.",
)
@click.option("--lr", type=Number(), default=0.05, show_default=True, help="Learning rate.")
@recipe_options("chapter")
@click.option(
    "--seed", type=SEED, default=0, show_default=True,
    help="Draws the initial weights and the order of the images.",
)  # fmt: skip
@device_option("auto")
@click.option(
    "--precision", type=click.Choice(get_args(Precision)), default="float32", show_default=True
)
@precise_bn_option
@click.option("--log-every", type=STEPS, default=20, help="Steps per line of the record.")
@click.option(
    "--checkpoint-every",
    type=Number(0),
    default=60.0,
    show_default=True,
    help="Minimum number of seconds between checkpoints.",
)
@click.option(
    "--stop-after",
    type=EPOCHS,
    help="Stop after this epoch of --epochs; continue with --resume.",
)
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="A new or empty directory."
)
@click.option("--resume", type=click.Path(path_type=Path, file_okay=False), help="Run to continue.")
@click.pass_context
def train(
    ctx: click.Context,
    /,
    out: Path | None,
    resume: Path | None,
    stop_after: int | None,
    **options: Any,
) -> None:
    """Train a network, by default as in the chapter.

    \b
    The run directory --out contains
      record.jsonl        one line per interval and per epoch
      curves.png          losses and accuracy against epoch
      model.safetensors   the trained network, for any backend
      best.safetensors    the network of the epoch with the highest validation accuracy
      config.json         every setting of the run
      checkpoint.safetensors   the state for --resume

    --resume continues from the last checkpoint with the run's own settings, bit for bit as if it
    had not stopped. Only --epochs, --backend, --data, --device, --log-every and --checkpoint-every
    may be changed.
    """
    if resume is not None:
        config = _resumed(ctx, resume, out, options)
    elif out is None:
        raise ConfigError("out: a new run needs a directory; got none; add --out DIR")
    else:
        check_free(out)
        config = _new(ctx, options)
    run = resume or out
    assert run is not None
    backend = start_backend(config.backend)
    data = open_data(
        config.data,
        config.batch_size,
        config.resize,
        config.data_options,
        int(options["channels"]),
        options["workers"],
    )
    if config.spec is None:
        raise ConfigError(f"{run}: must have the spec of its network; got none")
    model = backend.AnyNet.from_spec(config.spec, lr=config.learning_rate, seed=config.seed)
    trainer = backend.Trainer.from_config(config, out=run, stop_after=stop_after)
    trainer.fit(model, data, resume=resume is not None)
    if trainer.evaluation is not None:
        print_evaluation(trainer.evaluation, data.classes)
    best = best_epoch(read_record(run / RECORD))
    if best is not None:
        click.echo(
            f"best of all epochs: accuracy {best['val_accuracy']:.4f} after epoch {best['epoch']}, "
            f"kept in {run / BEST}"
        )
    unfinished = trainer.history[-1]["kind"] != END
    resume_with = command_line("anynet", "train", "--resume", run)
    more = f"; continue with {resume_with}" if unfinished else ""
    click.echo(f"written to {run}{more}")


def _new(ctx: click.Context, options: dict[str, Any]) -> TrainConfig:
    weights, given = options["weights"], options["image_size"]
    if weights is not None and "model" in _given(ctx, options):
        raise ConfigError("weights: the file describes the network; got --model too; leave it out")
    images = _data_options(options)
    data = find_data(options["data"], images, int(options["channels"]))
    if weights is None:
        spec = _for_the_data(options["model"], data)
        check_images(spec, data.channels, len(data.classes))
        size = choose_image_size(spec, given, None, data.size)
    else:
        start = Start.find(weights, data, options["seed"])
        spec, weights = start.spec, start.weights
        size = start.image_size(given, data.size)
        images = replace(images, preprocessing=seen_at(start.images, size))
    return TrainConfig(
        backend=options["backend"],
        spec=spec,
        data=options["data"],
        epochs=options["epochs"],
        batch_size=options["batch_size"],
        resize=size,
        learning_rate=options["lr"],
        recipe=chosen_recipe(options),
        seed=options["seed"],
        device=options["device"],
        precision=options["precision"],
        log_every=options["log_every"],
        checkpoint_every=options["checkpoint_every"],
        weights=weights,
        precise_bn=options["precise_bn"],
        data_options=images,
    )


def _data_options(options: dict[str, Any]) -> DataOptions:
    """How the images are split and augmented; they are prepared as the data set usually is."""
    return DataOptions(
        augmentation=AUGMENTATIONS[options["augment"]],
        val_share=options["val_share"],
        split_seed=options["split_seed"],
    )


def _for_the_data(model: str, data: DataInfo) -> AnyNetSpec:
    """The spec of --model; a named one gets the channels and classes of the data."""
    spec = resolve_spec(model)
    if spec not in NAMED_SPECS.values():
        return spec
    return replace(spec, in_channels=data.channels, num_classes=len(data.classes))


def _given(ctx: click.Context, options: dict[str, Any]) -> list[str]:
    """The options given on the command line."""
    return [
        name for name in options if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE
    ]


def _resumed(
    ctx: click.Context, resume: Path, out: Path | None, options: dict[str, Any]
) -> TrainConfig:
    given = _given(ctx, options)
    given = [name for name in given if name != "workers"]  # batches do not depend on it
    fixed = [f"--{name.replace('_', '-')}" for name in given if name not in RESUMABLE]
    if out is not None:
        fixed.append("--out")
    if fixed:
        raise ConfigError(
            f"resume: a run keeps its settings; got {', '.join(fixed)}; leave them out"
        )
    return replace(read_config(resume), **{name: options[name] for name in given})
