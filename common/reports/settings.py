"""How the networks of a study were trained, in words."""

from dataclasses import asdict
from typing import Any

from common.data.augment import PLAIN
from common.data.options import USUAL
from common.studies import StudyConfig
from common.studies.fit import OWN_DATA


def training_settings(config: StudyConfig) -> dict[str, Any]:
    """The settings of the training as text."""
    training, recipe = config.training, config.training.recipe
    if config.imported is not None and training.data == OWN_DATA:
        return _source(config)
    smoothing = recipe.label_smoothing
    objective = {"objective": str(config.objective)} if config.objective else {}
    return {
        **objective,
        **(_source(config) if config.imported else {}),
        "framework": training.backend,
        "data": f"{training.data}, at {training.resize[0]} x {training.resize[1]} pixels",
        **_images(config),
        "epochs": training.epochs,
        "batch": training.batch_size,
        "learning rate": f"{training.learning_rate:g}, {recipe.schedule}, "
        f"{recipe.warmup_epochs:g} epochs of warm-up",
        "momentum": f"{recipe.momentum:g}" + (" (Nesterov)" if recipe.nesterov else ""),
        "weight decay": f"{recipe.weight_decay:g}",
        **({"label smoothing": f"{smoothing:g}"} if smoothing else {}),
        "seeds": f"networks {config.seed}, training {_seeds(config)}",
        "initial weights": config.init,
        "error": "after the last epoch" if config.error_of == "last" else "least of all epochs",
        "pruner": config.pruner,
    }


def _seeds(config: StudyConfig) -> str:
    first = config.training.seed
    return f"{first}" if config.seeds == 1 else f"{first} to {first + config.seeds - 1}"


def can_train(config: StudyConfig) -> bool:
    """Whether this project trained the networks with settings that are known."""
    return config.objective is None and config.training.data != OWN_DATA


def _source(config: StudyConfig) -> dict[str, Any]:
    """Where imported networks are from."""
    source, (height, width) = config.imported, config.training.resize
    if source is None:
        return {}
    return {
        "imported from": source.file,
        **({"trained": source.about} if source.about else {}),
        "costs": f"of images of {height} x {width} pixels",
    }


def _images(config: StudyConfig) -> dict[str, str]:
    """What the images are, where they are not Fashion-MNIST as it usually is."""
    options = config.training.data_options
    if options == USUAL or not config.designed:
        return {}
    template = config.designed[0].template
    usual = asdict(PLAIN)
    varied = [
        f"{name} {value}"
        for name, value in asdict(options.augmentation).items()
        if value != usual[name]
    ]
    return {
        "images": f"{template.in_channels} channels, {template.num_classes} classes",
        "augmentation": ", ".join(varied) or "none",
        "validation images": f"a share of {options.val_share:g}, drawn by {options.split_seed}, if "
        "the data has none",
    }
