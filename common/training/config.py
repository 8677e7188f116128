"""Everything that decides a training run, as plain data: `config.json`."""

import json
import math
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, get_args

from common.arch import REGNETX32, AnyNetSpec, image_shape
from common.errors import ConfigError
from common.training.recipe import CHAPTER_RECIPE, Recipe

Device = Literal["auto", "cpu", "gpu"]
Precision = Literal["float32", "bfloat16", "float64"]


@dataclass(frozen=True)
class TrainConfig:
    """A run: which network, on which data, by which recipe, where.

    `resize` is (height, width) in pixels; `log_every` counts steps; `checkpoint_every` is in
    seconds; `weights` is the file to start from instead of the seeded draw; `precise_bn` counts
    the training images over which batch norms' statistics are computed before each validation, 0
    for the running ones; `spec` is `None` for a model that was written by hand. Raises
    `ConfigError`, or `SpecError` for images of a size that the network does not take.
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

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "log_every"):
            check_integer(name, getattr(self, name), 1)
        check_integer("seed", self.seed, 0)
        if not 0 < self.learning_rate < math.inf:
            raise ConfigError(f"learning_rate: must be above 0; got {self.learning_rate}")
        if not self.checkpoint_every >= 0:
            raise ConfigError(
                f"checkpoint_every: must be at least 0 seconds; got {self.checkpoint_every}"
            )
        check_choice("device", self.device, get_args(Device))
        check_choice("precision", self.precision, get_args(Precision))
        object.__setattr__(self, "resize", tuple(self.resize))
        if self.spec is not None:
            image_shape(self.spec, self.resize)
        check_precise_bn(self.precise_bn, self.batch_size)

    def to_json(self) -> str:
        """One JSON object; `from_json` gives an equal config back."""
        return json.dumps(asdict(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str, where: str = "config") -> "TrainConfig":
        """Read what `to_json` wrote. Raises `ConfigError` naming `where`."""
        try:
            values: dict[str, Any] = json.loads(text)
            known = {item.name for item in fields(cls)}
            if unknown := set(values) - known:
                raise ConfigError(f"{where}: fields must be known; got {sorted(unknown)}")
            if values["spec"] is not None:
                values["spec"] = AnyNetSpec.from_dict(values["spec"])
            values["recipe"] = Recipe(**values["recipe"])
            return cls(**values)
        except ConfigError:
            raise
        except (ValueError, TypeError, KeyError) as error:
            raise ConfigError(f"{where}: must be a training config; got {error}") from error


def check_precise_bn(images: int, batch_size: int) -> None:
    """Raise `ConfigError` unless statistics can be computed over so many images, 0 for none."""
    check_integer("precise_bn", images, 0)
    if 0 < images < batch_size:
        raise ConfigError(
            f"precise_bn: must be 0, or a batch of {batch_size} at least; got {images}"
        )


def check_integer(name: str, value: object, least: int) -> None:
    """Raise `ConfigError` unless `value` is an integer of at least `least`."""
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ConfigError(f"{name}: must be an integer of at least {least}; got {value!r}")


def check_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    """Raise `ConfigError` unless `value` is one of `choices`."""
    if value not in choices:
        raise ConfigError(f"{name}: must be one of {', '.join(choices)}; got {value!r}")
