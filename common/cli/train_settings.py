"""The settings of `anynet train`: from its options, or from the run that it continues."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from common.arch import NAMED_SPECS, AnyNetSpec
from common.cli.checkpoints import choose_image_size, seen_at
from common.cli.networks import resolve_spec
from common.cli.options import chosen_recipe
from common.cli.start import Start
from common.data import DataInfo, DataOptions, find_data
from common.data.augment import AUGMENTATIONS
from common.errors import ConfigError
from common.training import TrainConfig, read_config
from common.training.checks import check_images
from common.training.config import RESUMABLE

_NO_SETTINGS = ("workers", "logs")
"""Options that change no result: a resumed run takes them, too."""


def new_config(ctx: click.Context, options: dict[str, Any]) -> TrainConfig:
    """The settings of a new run. Raises `ConfigError`, `DataError`, `SpecError`, `WeightsError`."""
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
        augmentation=replace(AUGMENTATIONS[options["augment"]], mixup=options["mixup"]),
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


def resumed_config(
    ctx: click.Context, resume: Path, out: Path | None, options: dict[str, Any]
) -> TrainConfig:
    """The settings of the run in `resume`, with the options that it may change.

    Raises `ConfigError` if others are given.
    """
    given = _given(ctx, options)
    given = [name for name in given if name not in _NO_SETTINGS]
    fixed = [f"--{name.replace('_', '-')}" for name in given if name not in RESUMABLE]
    if out is not None:
        fixed.append("--out")
    if fixed:
        raise ConfigError(
            f"resume: a run keeps its settings; got {', '.join(fixed)}; leave them out"
        )
    return replace(read_config(resume), **{name: options[name] for name in given})
