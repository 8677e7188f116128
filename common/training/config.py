"""Everything that decides a training run, as plain data: `config.json`."""

import json
import math
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Final, Literal, get_args

from common.arch import REGNETX32, AnyNetSpec, image_shape, parameters
from common.bounds import MAX_BATCH, MAX_DEVICES, MAX_EPOCHS, MAX_RATE, MAX_SEED, MAX_STEPS
from common.data.options import USUAL, DataOptions
from common.digests import digest_of
from common.errors import ConfigError, shortened, shown
from common.files import check_format, reading
from common.numbers import FieldChecker, check_batch, checked_integer
from common.training.freezing import check_freeze, checked_parts
from common.training.recipe import CHAPTER_RECIPE, Recipe, check_recipe
from common.weights import DRAWN, Init

Device = Literal["auto", "cpu", "gpu"]
"""`auto` is a GPU if the framework sees one."""

Precision = Literal["float32", "tf32", "bfloat16", "float64"]
"""What a network computes in; `tf32` and `bfloat16` keep float32 weights."""

FORMAT: Final = 2
"""Format of new `config.json` files; those of version 0.1 have neither a format nor a digest."""

RESUMABLE: Final = (
    "backend", "data", "epochs", "device", "devices", "log_every", "checkpoint_every"
)  # fmt: skip
"""Settings that a resumed run may change; their command-line options have the same names."""


@dataclass(frozen=True)
class TrainConfig:
    """All settings of a training run.

    Raises `ConfigError`, and `SpecError` for an image size that the network does not take.

    - `backend`: short name of the framework: torch, mx, tf or jax.
    - `spec`: the network; `None` for a hand-written model that no spec describes.
    - `data`: name of the data set or directory of its files, as `common.data.open_data` takes it.
    - `epochs`: number of epochs, which the learning rate's schedule spans.
    - `batch_size`: images per step.
    - `resize`: (height, width) in pixels to which images are resized.
    - `learning_rate`: base rate, before schedule and warm-up.
    - `recipe`: optimizer and schedule.
    - `seed`: of the order of the batches, and of the initial weights if the command line or a
      study makes the model.
    - `device`, `precision`: where and in what the network computes.
    - `devices`: how many devices of this machine train together; the batch size is that of all.
    - `log_every`: steps per `interval` row of the record.
    - `checkpoint_every`: seconds between checkpoints within an epoch, at least.
    - `weights`: file or name of initial weights, instead of random ones.
    - `precise_bn`: training images from which batch norm statistics are computed before each
      validation; 0 validates with the running averages.
    - `data_options`: how the images are split, prepared and augmented, where it is not the usual.
    - `freeze`: parts of the network that do not change, such as `stem` and `stage1`: no gradient,
      momentum or weight decay, and batch norms by their running statistics, which stay.
    - `init`: how initial weights are drawn, if the command line makes the model.
    - `own_optimizer`: whether the model's `configure_optimizers` replaces recipe and learning rate.
    """

    backend: str
    spec: AnyNetSpec | None = REGNETX32
    data: str = "auto"
    epochs: int = 10
    batch_size: int = 128
    resize: tuple[int, int] = (96, 96)
    learning_rate: float = 0.05
    recipe: Recipe = field(default_factory=lambda: CHAPTER_RECIPE)
    seed: int = 0
    device: Device = "auto"
    precision: Precision = "float32"
    log_every: int = 20
    checkpoint_every: float = 60.0
    weights: str | None = None
    precise_bn: int = 0
    own_optimizer: bool = False
    freeze: tuple[str, ...] = ()
    data_options: DataOptions = USUAL
    devices: int = 1
    init: Init = "xavier"

    def __post_init__(self) -> None:
        check_recipe(self.recipe)
        self._check_types()
        check = FieldChecker(self, ConfigError, ":")
        check.integer("epochs", 1, MAX_EPOCHS)
        check.integer("batch_size", 1, MAX_BATCH)
        check.integer("devices", 1, MAX_DEVICES)
        check.integer("log_every", 1, MAX_STEPS)
        check.integer("seed", 0, MAX_SEED)
        check.number("learning_rate", 0, MAX_RATE, "above 0", lambda rate: rate > 0)
        if self.checkpoint_every != math.inf:  # no checkpoint before the end
            check.number("checkpoint_every", 0, MAX_STEPS, "at least 0")
        check.choice("device", get_args(Device))
        check.choice("precision", get_args(Precision))
        check.choice("init", DRAWN)
        if self.weights is not None and self.init != "xavier":
            raise ConfigError(
                f"init: must be left out beside weights, which are not drawn; got {self.init}"
            )
        check.size("resize")
        check_batch(self.batch_size, self.resize)
        if self.spec is not None:
            image_shape(self.spec, self.resize)
        check.integer("precise_bn", 0, MAX_STEPS)
        check_precise_bn(self.precise_bn, self.batch_size)
        check.boolean("own_optimizer")
        check.keep("freeze", checked_parts(self.freeze))
        if self.freeze and self.spec is not None:
            check_freeze(self.freeze, parameters(self.spec))

    def _check_types(self) -> None:
        """Raise `ConfigError` for fields that are no numbers and of another type than declared."""
        kinds = {
            "backend": (str, "text"),
            "data": (str, "text"),
            "weights": (str | None, "text or None"),
            "spec": (AnyNetSpec | None, "an AnyNetSpec or None"),
            "data_options": (DataOptions, "DataOptions"),
        }
        for name, (kind, rule) in kinds.items():
            if not isinstance(value := getattr(self, name), kind):
                raise ConfigError(f"{name}: must be {rule}; got {shown(value)}")

    def rate_at(self, epoch: float) -> float:
        """Learning rate of a step that starts at `epoch`, a fraction such as 1.5."""
        return self.recipe.learning_rate(self.learning_rate, epoch, self.epochs)

    def changes_since(self, earlier: "TrainConfig") -> list[str]:
        """Names of the settings that differ from `earlier`, other than those in `RESUMABLE`."""
        kept = [item.name for item in fields(self) if item.name not in RESUMABLE]
        return [name for name in kept if getattr(self, name) != getattr(earlier, name)]

    def options(self) -> dict[str, Any]:
        """What is set of the options that version 0.1 lacks, such as AdamW and frozen parts."""
        return (
            self.recipe.options()
            | ({"freeze": list(self.freeze)} if self.freeze else {})
            | ({"init": self.init} if self.init != "xavier" else {})
        )

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain data for JSON, from which `from_dict` makes an equal config.

        Without `freeze`, `devices` and `init` at their defaults, as in older files.
        """
        more = {"recipe": self.recipe.to_dict(), "data_options": self.data_options.to_dict()}
        values = {**asdict(self), **more}
        usual = {"freeze": (), "devices": 1, "init": "xavier"}
        return {n: v for n, v in values.items() if n not in usual or v != usual[n]}

    def to_json(self) -> str:
        """One JSON object with format and digest, from which `from_json` makes an equal config."""
        values = self.to_dict()
        del values["data_options"]
        values |= self._data_options()
        return (
            json.dumps({"format": FORMAT, "digest": digest_of(values), **values}, indent=2) + "\n"
        )

    def settings_digest(self) -> str:
        """XXH3-128 of the settings that a resumed run must keep.

        Settings at their defaults are left out, so that later releases can add settings without
        changing the digests of existing runs.
        """
        values = {
            item.name: getattr(self, item.name)
            for item in fields(self)
            if item.name not in (*RESUMABLE, "spec", "recipe", "data_options")
            and getattr(self, item.name) != item.default
        }
        recipe, usual = asdict(self.recipe), asdict(Recipe())
        values["recipe"] = {name: recipe[name] for name in recipe if recipe[name] != usual[name]}
        values["spec"] = None if self.spec is None else self.spec.to_dict()
        return digest_of(values | self._data_options())

    def _data_options(self) -> dict[str, Any]:
        """The options of the data for JSON; nothing where they are the usual, as in older files."""
        if self.data_options == USUAL:
            return {}
        return {"data_options": self.data_options.to_dict()}

    @classmethod
    def from_json(cls, text: str, where: str = "config") -> "TrainConfig":
        """Parse what `to_json` wrote. Raises `ConfigError` whose message begins with `where`."""
        with reading(where, "a training config", ConfigError):
            return cls.from_dict(json.loads(text), where)

    @classmethod
    def from_dict(cls, data: object, where: str = "config") -> "TrainConfig":
        """Build a config from plain data: its fields, or what `to_json` wrote.

        Raises `ConfigError` whose message begins with `where`, also for a digest that does not
        match.
        """
        with reading(where, "a training config", ConfigError):
            if not isinstance(data, dict):
                raise ConfigError(f"{where}: must be a JSON object; got {shortened(data)}")
            values: dict[str, Any] = dict(data)
            if "format" in values:
                check_format(values.pop("format"), FORMAT, where, ConfigError)
                _check_digest(values, where)
            known = {item.name for item in fields(cls)}
            if unknown := sorted(set(values) - known):
                raise ConfigError(f"{where}: fields must be known; got {shown(unknown)}")
            if values["spec"] is not None:
                values["spec"] = AnyNetSpec.from_dict(values["spec"])
            values["recipe"] = Recipe(**values["recipe"])
            if "data_options" in values:
                values["data_options"] = DataOptions.from_dict(values["data_options"], where)
            return cls(**values)


def _check_digest(values: dict[str, Any], where: str) -> None:
    """Remove the digest from `values`. Raises `ConfigError` if it is not the digest of the rest."""
    if values.pop("digest") != digest_of(values):
        options = ", ".join(f"--{name.replace('_', '-')}" for name in RESUMABLE)
        raise ConfigError(
            f"{where}: must be as the run wrote it; got changed settings; undo the edit: "
            f"anynet train --resume takes {options}, and --config takes a copy without format and "
            "digest"
        )


def check_precise_bn(images: int, batch_size: int) -> None:
    """Raise `ConfigError` unless `images` is 0 or at least `batch_size`."""
    checked_integer("precise_bn:", images, 0, MAX_STEPS, ConfigError)
    if 0 < images < batch_size:
        raise ConfigError(
            f"precise_bn: must be 0, or a batch of {batch_size} at least; got {images}"
        )
