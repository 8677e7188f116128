"""`anynet evaluate`: accuracy and loss of a trained network."""

import json
from dataclasses import replace

import click

from common.arch import AnyNetSpec
from common.backends import start_backend
from common.cli import completion
from common.cli.checkpoints import (
    Checkpoint,
    choose_image_size,
    find_checkpoint,
    seen_at,
    sized,
)
from common.cli.evaluations import print_evaluation
from common.cli.networks import load_network
from common.cli.options import backend_option, data_option, device_option, precise_bn_option
from common.cli.preparing import Preparing, preparing_options
from common.cli.types import BATCH
from common.data import DataOptions, ImageData, largest_batch, open_data
from common.data.description import means_others
from common.data.options import USUAL
from common.errors import DataError, shortened
from common.training import Device, Learner
from common.training.checks import check_images
from common.training.evaluate import TRAIN_AGAIN, check_finite
from common.training.precise_bn import images_taken, validation

_DATA = "full"
_BATCH = 128


@click.command()
@click.argument(
    "checkpoint", metavar="CHECKPOINT|RUN|NAME", shell_complete=completion.runs_and_files
)
@backend_option("torch")
@data_option(default_text=" Default: the run's, else full.")
@click.option("--batch-size", type=BATCH, help=f"Default: that of the run, else {_BATCH}.")
@preparing_options("224 for networks on colour images and 96 for others")
@device_option("auto")
@precise_bn_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def evaluate(
    checkpoint: str,
    backend: str,
    data: str | None,
    batch_size: int | None,
    preparing: Preparing,
    device: Device,
    precise_bn: int,
    as_json: bool,
) -> None:
    """Evaluate a trained network on validation images.

    CHECKPOINT is a model.safetensors written by any backend, a run directory, or any other file
    or NAME that `anynet convert` reads. For a run directory or a file in one (also
    best.safetensors, or the checkpoint.safetensors of an unfinished run), image size, data and
    batch size default to the run's. Images are prepared as the file says, or as the library does
    that the file is from, unless --resize, --crop or --interpolation say otherwise. The network
    runs in float32, with the batch-norm statistics of the file unless --precise-bn is given.
    """
    module = start_backend(backend)
    found = find_checkpoint(checkpoint)
    network = load_network(module, found.path)
    usual = found.images.preprocessing.size if found.images else None
    size = choose_image_size(network.spec, preparing.side, found.config, usual)
    images = _images(found, data, batch_size, size, preparing)
    check_images(
        network.spec, images.preprocessing.channels, len(images.classes),
        "name with --data images such as it was trained on, or leave it out for those of its run",
    )  # fmt: skip
    _check_classes(found, images)
    used = f"{found.path} at {sized(size)} pixels on {images.describe()}"
    click.echo(f"{used}: {found.origin(size, images.requested)}", err=True)

    def make_learner(spec: AnyNetSpec) -> Learner:
        return module.Learner(module.create(spec), images.preprocessing, device=device)

    learner = module.Learner(network, images.preprocessing, device=device)
    taken = images_taken(precise_bn, images)
    evaluation = validation(learner, images, precise_bn, network.spec, make_learner)()
    check_finite(evaluation.loss, str(found.path), TRAIN_AGAIN)
    if as_json:
        settings = {
            "checkpoint": str(found.path),
            "image_size": list(size),
            "data": images.describe(),
            "batch_size": images.batch_size,
            "precise_bn": taken,
        }
        click.echo(json.dumps({**evaluation.to_dict(images.classes), **settings}, indent=2))
    else:
        print_evaluation(evaluation, images.classes)


def _images(
    found: Checkpoint,
    data: str | None,
    batch_size: int | None,
    size: tuple[int, int],
    preparing: Preparing,
) -> ImageData:
    """The data of --data, or of the run. Raises `ConfigError` or `DataError`."""
    options = _prepared_as(found, size)
    if preparing.changes_more:
        usual = (
            options.preprocessing or _opened(found, data, batch_size, options, size).preprocessing
        )
        options = replace(options, preprocessing=preparing.applied(usual))
    return _opened(found, data, batch_size, options, size)


def _opened(
    found: Checkpoint,
    data: str | None,
    batch_size: int | None,
    options: DataOptions,
    size: tuple[int, int],
) -> ImageData:
    config = found.config
    channels = found.images.preprocessing.channels if found.images else 3
    usual = config.batch_size if config else _BATCH

    def opened(name: str) -> ImageData:
        batch = batch_size
        if batch is None:  # of the validation images, so that the others need not fill it
            batch = min(usual, largest_batch(name, options, channels))
        return open_data(name, batch, size, options, channels)

    if data is not None or config is None:
        return opened(data or _DATA)
    try:
        return opened(config.data)
    except DataError as error:
        raise DataError(
            f"{found.path}: the data of its run must still exist; got {error}; "
            "say where they are now with --data"
        ) from error


def _check_classes(found: Checkpoint, images: ImageData) -> None:
    """Raise `DataError` if the data calls its classes otherwise than the network's file."""
    known, given = found.images.classes if found.images else (), tuple(images.classes)
    if means_others(known, given):
        raise DataError(
            f"data: must have the classes of {found.path} in their order, {shortened(known)}; got "
            f"{shortened(given)}"
        )


def _prepared_as(found: Checkpoint, size: tuple[int, int]) -> DataOptions:
    """Images prepared as the network's file says, and split as in its run."""
    options = found.config.data_options if found.config else USUAL
    seen = seen_at(found.images, size)
    return DataOptions(seen, val_share=options.val_share, split_seed=options.split_seed)
