"""The file of `anynet train --config`: what a run wrote, or settings that somebody wrote."""

import difflib
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, Final, NoReturn

from common.arch import AnyNetSpec
from common.backends import FRAMEWORKS
from common.cli.networks import resolve_spec
from common.data import DataOptions, Preprocessing
from common.data.augment import AUGMENTATIONS, Augmentation
from common.errors import AnyNetError, ConfigError, shortened, shown
from common.numbers import checked_choice
from common.training import RECIPES, Recipe, TrainConfig
from common.training.run import CONFIG
from common.yaml_json import ENDINGS, read_plain

_FIELDS: Final = tuple(field.name for field in fields(TrainConfig))

_OPTIONS: Final = {
    "model": "spec", "lr": "learning_rate", "image_size": "resize",
    **dict.fromkeys(("augment", "mixup", "val_share", "split_seed"), "data_options"),
    **dict.fromkeys((field.name for field in fields(Recipe)), "recipe"),
}  # fmt: skip
"""Fields that hold the settings of options with other names."""

_OF_A_RUN: Final = frozenset(("backend", "spec", "recipe", "resize"))
"""Fields that every `config.json` has, of version 0.1 too."""


def read_settings(path: Path) -> dict[str, Any]:
    """The fields of a `TrainConfig` that a file gives, or a run's directory, checked.

    The file is what a run wrote, or YAML or JSON with some of these fields, in which `spec` may be
    a name or a file, `recipe` and `augmentation` names, and parts may be left out; names of a
    network and a recipe are returned as they are. Raises `ConfigError`, which names the file, the
    field and, for an unknown one, the nearest.
    """
    file = path / CONFIG if path.is_dir() else path
    if not file.exists():
        raise ConfigError(f"{file}: must be settings of a run; got no such file")
    if not str(file).lower().endswith(ENDINGS):
        _refuse(str(file), f"must end in {', '.join(ENDINGS)}", file.suffix)
    given = read_plain(file, "settings of a run", ConfigError)
    if not isinstance(given, dict):
        _refuse(str(file), "must be fields and their values", given)
    where = str(file)
    if "format" not in given:
        _check_names(given, _FIELDS, where, _OPTIONS)
        if not _is_of_a_run(given):
            return _written_by_hand(given, where)
    config = TrainConfig.from_dict(given, where)
    if config.own_optimizer or config.spec is None:
        what = "configure_optimizers of its model" if config.spec else "a model without a spec"
        raise ConfigError(
            f"{where}: must be of a network that a spec and a recipe describe; got {what}; give "
            "that model to Trainer.from_config"
        )
    return {name: getattr(config, name) for name in _FIELDS if name in given}


def _is_of_a_run(given: dict[str, Any]) -> bool:
    """Whether these are the settings of a run of version 0.1, which have no format."""
    parts = (given.get("spec"), given.get("recipe"))
    return given.keys() >= _OF_A_RUN and all(isinstance(part, dict) for part in parts)


def _written_by_hand(given: dict[str, Any], where: str) -> dict[str, Any]:
    try:
        values = {name: _value(name, value) for name, value in given.items()}
        # Each value by itself: options may still change others.
        by_name = {"spec": None, "recipe": _recipe(values.get("recipe", "chapter"))}
        checked = TrainConfig(**{"backend": "torch", "batch_size": 1, **values, **by_name})
    except AnyNetError as error:
        raise ConfigError(f"{where}: {error}") from error
    return {name: values[name] if name in by_name else getattr(checked, name) for name in values}


def _recipe(value: str | Recipe) -> Recipe:
    return RECIPES[value] if isinstance(value, str) else value


def _value(name: str, value: Any) -> Any:
    """The value of a field from plain data."""
    if name == "spec":
        if not isinstance(value, str):
            return AnyNetSpec.from_dict(value)
        resolve_spec(value)
        return value  # a named network gets the classes of the data
    if name == "recipe" and isinstance(value, str) and value in RECIPES:
        return value  # it brings defaults of other fields
    if name == "recipe":
        return _named_or_part(name, value, RECIPES, Recipe())
    if name == "data_options":
        return _data_options(value)
    if name == "backend":
        return checked_choice("backend:", value, list(FRAMEWORKS), ConfigError)
    return value


def _data_options(value: Any) -> DataOptions:
    if not isinstance(value, dict):
        _refuse("data_options", "must be fields and their values", value)
    _check_names(value, [field.name for field in fields(DataOptions)], "data_options")
    given = dict(value)
    if "augmentation" in given:
        augmentation = given["augmentation"]
        given["augmentation"] = _named_or_part(
            "augmentation", augmentation, AUGMENTATIONS, Augmentation()
        )
    if given.get("preprocessing") is not None:
        given["preprocessing"] = Preprocessing.from_dict(given["preprocessing"])
    return DataOptions(**given)


def _named_or_part(name: str, value: Any, known: dict[str, Any], usual: Any) -> Any:
    """A recipe or an augmentation: one by name, or the usual one with the fields given."""
    if isinstance(value, str):
        if value not in known:
            _refuse(name, f"must be one of {', '.join(known)}", value, _nearest(value, known))
        return known[value]
    if not isinstance(value, dict):
        _refuse(name, "must be a name, or fields and their values", value)
    _check_names(value, list(asdict(usual)), name)
    return type(usual)(**value)


def _check_names(
    given: dict[str, Any], known: Any, where: str, others: dict[str, str] | None = None
) -> None:
    for name in given:
        if name not in known:
            meant = (others or {}).get(name)
            remedy = f"it is in {meant}" if meant else _nearest(name, known)
            _refuse(where, "fields must be known", name, remedy)


def _nearest(name: str, known: Any) -> str:
    nearest = difflib.get_close_matches(shortened(name), list(known), 1, 0.4)
    return f"did you mean {nearest[0]}?" if nearest else f"there are {', '.join(known)}"


def _refuse(where: str, rule: str, value: object, remedy: str = "") -> NoReturn:
    raise ConfigError(f"{where}: {rule}; got {shown(value)}{remedy and f'; {remedy}'}")
