"""The settings of `anynet train`: from its options, or from the run that it continues."""

from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import click
from click.core import ParameterSource

from common.arch import NAMED_SPECS, AnyNetSpec
from common.cli.checkpoints import choose_image_size, seen_at, sized
from common.cli.networks import resolve_spec
from common.cli.options import chosen_recipe
from common.cli.settings_file import read_settings
from common.cli.start import Start
from common.data import DataInfo, DataOptions, Preprocessing, find_data
from common.data.augment import AUGMENTATIONS
from common.data.options import USUAL
from common.errors import ConfigError, DataError, shortened, shown
from common.training import (
    RECIPE_DEFAULTS,
    RECIPES,
    RecipeDefaults,
    TrainConfig,
    read_config,
)
from common.training.checks import check_images
from common.training.config import RESUMABLE

_NO_SETTINGS = ("workers", "logs")
"""Options that change no result: a resumed run takes them, too."""


_FIELDS: Final = {
    "backend": "backend", "data": "data", "epochs": "epochs", "batch_size": "batch_size",
    "learning_rate": "lr", "seed": "seed", "device": "device", "precision": "precision",
    "log_every": "log_every", "checkpoint_every": "checkpoint_every", "weights": "weights",
    "precise_bn": "precise_bn", "freeze": "freeze", "devices": "devices", "init": "init",
}  # fmt: skip
"""Fields of a config, and the options that set them to their value."""


def new_config(ctx: click.Context, options: dict[str, Any]) -> TrainConfig:
    """The settings of a new run. Raises `ConfigError`, `DataError`, `SpecError`, `WeightsError`.

    Options that are given come before the fields of the file in --config, and these before the
    defaults of options.
    """
    given, path = _given(ctx, options), options["config"]
    if options["weights"] is not None and "model" in given:
        raise ConfigError("weights: the file describes the network; got --model too; leave it out")
    file = {} if path is None else read_settings(path)
    if path is not None:
        click.echo(_told(path, file, given, options), err=True)
    named = options["recipe"] if "recipe" in given else file.get("recipe", options["recipe"])
    brought = RECIPE_DEFAULTS.get(named) if isinstance(named, str) else None
    if "model" in given or "weights" in given:
        described = ("spec", "weights", *(["init"] if "weights" in given else []))
        file = {name: file[name] for name in file if name not in described}
    chosen = {
        field: file[field] if field in file and option not in given else options[option]
        for field, option in _FIELDS.items()
    }
    if chosen["weights"] is not None and "init" in given:
        raise ConfigError(
            f"init: initial weights must be drawn; got {options['init']} beside the weights "
            f"{shortened(chosen['weights'])}; leave one out"
        )
    images = _data_options(options, given, file.get("data_options", USUAL))
    if brought is not None:
        taken = {*given, *(() if "recipe" in given else file)}
        chosen, images = _with_recipe(named, brought, taken, chosen, images)
    channels = _channels(options, given, images)
    data = find_data(chosen["data"], images, channels)
    if len(data.classes) < 2:
        raise DataError(
            f"data: must have two classes or more; got only {shown(data.classes[0])} in "
            f"{shortened(chosen['data'])}; make a folder for each class"
        )
    if images.preprocessing is not None and images.preprocessing.channels != data.channels:
        images = replace(images, preprocessing=None)
    if brought and images.augmentation.lighting and data.channels != 3 and "augment" not in given:
        images = replace(images, augmentation=replace(images.augmentation, lighting=0.0))
        click.echo(f"recipe {named}: no PCA lighting, which is for colour images", err=True)
    side = options["image_size"]
    if chosen["weights"] is not None and "spec" not in file:
        start = Start.find(chosen["weights"], data, chosen["seed"])
        spec, chosen["weights"] = start.spec, start.weights
        size = start.image_size(side or file.get("resize"), data.size)
        images = _seen_at(images, size, seen_at(start.images, size))
    else:
        others = bool({"data", "channels"} & {*given})
        spec = _for_the_data(file.get("spec", options["model"]), data, others)
        remedy = "change the spec, or take a named --model, which gets them from the data"
        check_images(spec, data.channels, len(data.classes), remedy)
        size = choose_image_size(spec, side, None, file.get("resize", data.size))
        images = _seen_at(images, size)
    recipe = chosen_recipe(options, RECIPES[named] if isinstance(named, str) else named)
    return TrainConfig(spec=spec, resize=size, recipe=recipe, data_options=images, **chosen)


def _with_recipe(
    name: str,
    brought: RecipeDefaults,
    taken: set[str],
    chosen: dict[str, Any],
    images: DataOptions,
) -> tuple[dict[str, Any], DataOptions]:
    """The fields and the options of the images with what a recipe by name brings.

    Settings in `taken`, options and fields of the file, stay. Says what the recipe has set.
    """
    said, chosen = [], dict(chosen)
    if "epochs" not in taken:
        chosen["epochs"] = brought.epochs
        said.append(f"{brought.epochs} epochs")
    if not {"lr", "learning_rate"} & taken:
        chosen["learning_rate"] = brought.rate_at(chosen["batch_size"])
        said.append(f"learning rate {chosen['learning_rate']:g}")
    if not {"augment", "data_options"} & taken:
        kept = images.augmentation.mixup
        varied = replace(AUGMENTATIONS[brought.augmentation], mixup=kept)
        images = replace(images, augmentation=varied)
        said.append(f"augmentation {brought.augmentation}")
    if "init" not in taken and chosen["weights"] is None and brought.init != chosen["init"]:
        chosen["init"] = brought.init
        said.append(f"initial weights by {brought.init}")
    if said:
        click.echo(f"recipe {name}: {', '.join(said)}", err=True)
    return chosen, images


def _data_options(options: dict[str, Any], given: list[str], before: DataOptions) -> DataOptions:
    """How the images are split and augmented, and prepared if the file says it."""
    taken = given if before != USUAL else options.keys()
    augmentation = before.augmentation
    if "augment" in taken:
        augmentation = replace(AUGMENTATIONS[options["augment"]], mixup=augmentation.mixup)
    if "mixup" in taken:
        augmentation = replace(augmentation, mixup=options["mixup"])
    split = {name: options[name] for name in ("val_share", "split_seed") if name in taken}
    return replace(before, augmentation=augmentation, **split)


def _channels(options: dict[str, Any], given: list[str], images: DataOptions) -> int:
    """Those of --channels, or in which the file prepares its images."""
    if images.preprocessing is not None and "channels" not in given:
        return images.preprocessing.channels
    return int(options["channels"])


def _seen_at(
    images: DataOptions, size: tuple[int, int], usual: Preprocessing | None = None
) -> DataOptions:
    """The images at a size, prepared as the file says, or as `usual`."""
    seen = images.preprocessing
    return replace(images, preprocessing=seen.at_size(size) if seen else usual)


def _for_the_data(model: str | AnyNetSpec, data: DataInfo, others: bool) -> AnyNetSpec:
    """The spec of --model, or of the file; a named one gets the channels and classes of the data.

    The file's network keeps its own unless it is trained on `others`.
    """
    spec = resolve_spec(model) if isinstance(model, str) else model
    fitting = replace(spec, in_channels=data.channels, num_classes=len(data.classes))
    if isinstance(model, str):
        return fitting if spec in NAMED_SPECS.values() else spec
    named = any(
        replace(known, in_channels=spec.in_channels, num_classes=spec.num_classes) == spec
        for known in NAMED_SPECS.values()
    )
    return fitting if others and named else spec


def _told(path: Path, file: dict[str, Any], given: list[str], options: dict[str, Any]) -> str:
    """A line that says which options replace settings of the file."""
    before = {option: file[field] for field, option in _FIELDS.items() if field in file}
    for part in ("recipe", "data_options"):
        if part in file:
            before |= {
                name: getattr(file[part], name) for name in given if hasattr(file[part], name)
            }
    others = {"model": "spec", "recipe": "recipe", "augment": "data_options"}
    before |= {option: f"its {option}" for option, field in others.items() if field in file}
    if "data_options" in file:
        before["mixup"] = file["data_options"].augmentation.mixup
    if "resize" in file:
        before["image_size"] = sized(file["resize"])
    changes = [
        f"--{name.replace('_', '-')} {shortened(options[name])} instead of {shortened(old)}"
        for name in sorted(given)
        if (old := before.get(name)) not in (None, options[name])
    ]
    return f"{path}: its settings are used" + (f", but {', '.join(changes)}" if changes else "")


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
