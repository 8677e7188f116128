"""`anynet train`: train a network and write a run directory."""

from pathlib import Path
from typing import Any

import click

from common.arch import count
from common.backends import start_backend
from common.cli import completion
from common.cli.commands import command_line
from common.cli.evaluations import print_evaluation
from common.cli.image_options import image_options
from common.cli.options import (
    backend_option,
    data_option,
    device_option,
    devices_option,
    freeze_option,
    init_option,
    precise_bn_option,
    precision_option,
    recipe_options,
)
from common.cli.train_settings import new_config, resumed_config
from common.cli.types import BATCH, EPOCHS, IMAGES, SEED, SIDE, STEPS, Number
from common.data import open_data
from common.errors import BackendError, ConfigError
from common.training import Callback, CSVLogger, TensorBoardLogger, TrainConfig, read_record
from common.training.rows import END, best_epoch
from common.training.run import BEST, RECORD, check_free

LOGS = {"csv": "log.csv", "tensorboard": "tensorboard"}
"""Logs by name, and where they are in a run directory."""


@click.command()
@click.option(
    "--config",
    metavar="FILE|RUN",
    shell_complete=completion.runs_and_files,
    type=click.Path(path_type=Path),
    help="Take the settings of a run, or of a YAML or JSON file with fields of its config.json, as "
    "defaults; options that are given replace them.",
)
@backend_option("torch")
@click.option(
    "--model",
    metavar="NAME|SPEC.json",
    shell_complete=completion.named_networks,
    default="regnetx32",
    show_default=True,
    help="Network to train; a named one gets the channels and classes of the data.",
)
@click.option(
    "--weights",
    metavar="CHECKPOINT|RUN|NAME",
    shell_complete=completion.runs_and_files,
    help="Start from this network instead of --model and its initial weights: a file or name that "
    "anynet convert reads, such as timm:regnety_004, or a run directory. Images are prepared as it "
    "saw them. If it has other classes than the data, a new head is drawn from --seed.",
)
@data_option("full")
@image_options
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
@recipe_options(
    "chapter",
    "The last three also set --epochs, --lr and --augment unless these are given: imagenet 100 "
    "epochs at 0.1, cifar 200 at 0.1 (rates for a batch of 128, in proportion for others), and "
    "finetune 10 at 0.01. ",
)
@click.option(
    "--seed", type=SEED, default=0, show_default=True,
    help="Draws the initial weights and the order of the images.",
)  # fmt: skip
@init_option("xavier")
@device_option("auto")
@devices_option
@precision_option
@precise_bn_option
@freeze_option
@click.option(
    "--log-every", type=STEPS, default=20, show_default=True, help="Steps per line of the record."
)
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
    "--log",
    "logs",
    type=click.Choice(list(LOGS)),
    multiple=True,
    help="Also write each interval and epoch to log.csv, or to the folder tensorboard, in the run "
    "directory; may be repeated. --resume continues the logs that are there.",
)
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="A new or empty directory."
)
@click.option(
    "--resume", type=click.Path(path_type=Path, file_okay=False), shell_complete=completion.runs,
    help="Run to continue.",
)  # fmt: skip
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
    had not stopped. Only --epochs, --backend, --data, --device, --devices, --log-every and
    --checkpoint-every may be changed.
    """
    if resume is not None:
        config = resumed_config(ctx, resume, out, options)
    elif out is None:
        raise ConfigError("out: a new run needs a directory; got none; add --out DIR")
    else:
        check_free(out)
        config = new_config(ctx, options)
    run = resume or out
    assert run is not None
    callbacks = _loggers(run, options["logs"])
    backend = start_backend(config.backend, _step_flops(config))
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
    model = backend.AnyNet.from_spec(config.spec, config.learning_rate, config.seed, config.init)
    trainer = backend.Trainer.from_config(
        config, out=run, stop_after=stop_after, callbacks=callbacks
    )
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


def _step_flops(config: TrainConfig) -> int:
    """Multiply-adds of a training step: forward, and twice as many backward."""
    if config.spec is None:
        return 0
    return 3 * config.batch_size * count(config.spec, config.resize).flops


def _loggers(run: Path, chosen: tuple[str, ...]) -> list[Callback]:
    """The chosen logs, and those that the run has already.

    If one of the latter needs a package that is not installed, that is only said.
    """
    loggers: list[Callback] = []
    for name, place in LOGS.items():
        if name not in chosen and not (run / place).exists():
            continue
        try:
            make = CSVLogger if name == "csv" else TensorBoardLogger
            loggers.append(make(run / place))
        except BackendError as error:
            if name in chosen:
                raise
            click.echo(f"{run / place}: not continued; {error}", err=True)
    return loggers
