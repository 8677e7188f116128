"""How an image becomes the input of a network, as plain data."""

from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Final, Literal, get_args

from common.bounds import MAX_CHANNELS, MAX_SIDE
from common.errors import ConfigError, shortened, shown
from common.files import check_format
from common.numbers import FieldChecker, checked_number

Resize = Literal["stretch", "short_side"]
Crop = Literal["none", "center"]
Interpolation = Literal["nearest", "bilinear", "bicubic", "lanczos"]

FORMAT: Final = 1

_LARGEST: Final = 255.0
"""Largest pixel value, and therefore the largest mean and standard deviation."""

_MIN_STD: Final = 1e-6
"""Keeps the quotient of any pixel and a standard deviation far inside float32."""


@dataclass(frozen=True)
class Preprocessing:
    """How images are resized, cropped and normalised for a network.

    Pixels from 0 to 255 become `(x * scale - mean) / std`, of shape `image_shape`. The defaults are
    those of Fashion-MNIST. Class names are not part of it: they belong to the network's head, and
    are stored beside it. Raises `ConfigError`.

    - `channels`: 1 for grey, 3 for red, green and blue in this order, or any other number.
    - `size`: (height, width) of the input in pixels; a single number means a square.
    - `resize`: `stretch` resizes height and width independently, `short_side` keeps the aspect
      ratio (the longer side is rounded down, as in torchvision).
    - `resize_to`: what is resized to, in pixels: the shorter side, or with `stretch` both sides.
      `None` stretches to `size` itself, and then nothing is cropped.
    - `crop`: `center` crops `size` from the middle of the resized image, `none` takes all of it.
    - `interpolation`: the filter that resizes, by its name in Pillow.
    - `antialias`: whether the filter is widened when an image shrinks, as Pillow always does.
      Without it, images are stretched bilinearly to `size`, which devices do.
    - `scale`: factor of the pixels, 1/255 for inputs from 0 to 1.
    - `mean`, `std`: one value per channel, or a single one for all, in units of scaled pixels.
    """

    channels: int
    size: tuple[int, int]
    resize: Resize = "stretch"
    resize_to: int | None = None
    crop: Crop = "none"
    interpolation: Interpolation = "bilinear"
    antialias: bool = False
    scale: float = 1 / 255
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)

    def __post_init__(self) -> None:
        check = FieldChecker(self, ConfigError, ":")
        check.integer("channels", 1, MAX_CHANNELS)
        check.size("size")
        check.choice("resize", get_args(Resize))
        check.choice("crop", get_args(Crop))
        check.choice("interpolation", get_args(Interpolation))
        check.boolean("antialias")
        if self.resize_to is not None:
            check.integer("resize_to", max(self.size), MAX_SIDE)
        self._check_geometry()
        self._check_filter()
        check.number("scale", 0, 1, "above 0", lambda scale: scale > 0)
        check.keep("mean", self._per_channel("mean", -_LARGEST))
        check.keep("std", self._per_channel("std", _MIN_STD))

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of the input."""
        return (self.channels, *self.size)

    def at_size(self, size: tuple[int, int]) -> "Preprocessing":
        """The same for an input of another size: what is resized to grows in proportion."""
        if size == self.size:
            return self
        to = self.resize_to
        scaled = None if to is None else max(*size, min(to * max(size) // max(self.size), MAX_SIDE))
        return replace(self, size=size, resize_to=scaled)

    @property
    def is_plain(self) -> bool:
        """Whether pixels become numbers from 0 to 1 and nothing else."""
        plain = all(mean == 0 for mean in self.mean) and all(std == 1 for std in self.std)
        return plain and self.scale == 1 / 255

    def to_dict(self) -> dict[str, Any]:
        """The fields and the format as plain data for JSON; `from_dict` gives an equal value."""
        values = {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(self).items()
        }
        return {"format": FORMAT, **values}

    @classmethod
    def from_dict(cls, values: object, where: str = "preprocessing") -> "Preprocessing":
        """Read what `to_dict` wrote. Raises `ConfigError` whose message begins with `where`."""
        if not isinstance(values, dict):
            raise ConfigError(f"{where}: must be a JSON object; got {shortened(values)}")
        check_format(values.get("format"), FORMAT, where, ConfigError)
        given = {name: value for name, value in values.items() if name != "format"}
        known = {field.name for field in fields(cls)}
        if given.keys() != known:
            lacking, unknown = sorted(known - given.keys()), sorted(map(str, given.keys() - known))
            raise ConfigError(
                f"{where}: must have the fields of Preprocessing; got none of {shown(lacking)}, "
                f"and {shown(unknown)} too"
            )
        try:
            return cls(**given)
        except ConfigError as error:
            raise ConfigError(f"{where}: {error}") from error

    def _check_geometry(self) -> None:
        """Raise `ConfigError` unless resizing and cropping give exactly `size`."""
        if self.resize_to is None and (self.resize, self.crop) != ("stretch", "none"):
            raise ConfigError(
                f"resize_to: must be given with resize {self.resize} and crop {self.crop}; got none"
            )
        if self.resize_to is not None and self.crop == "none":
            raise ConfigError(
                "crop: must be center where resize_to is given; got none, which leaves images of "
                f"another size than {self.size[0]}x{self.size[1]}"
            )

    def _check_filter(self) -> None:
        """Raise `ConfigError` for a filter that nothing here computes."""
        if not self.antialias and (self.resize_to, self.interpolation) != (None, "bilinear"):
            raise ConfigError(
                "antialias: must be true unless images are stretched bilinearly to the input's "
                f"size; got false with interpolation {self.interpolation} and resize_to "
                f"{self.resize_to}"
            )

    def _per_channel(self, name: str, minimum: float) -> tuple[float, ...]:
        """The numbers of field `name`, one for each channel."""
        values = getattr(self, name)
        if not isinstance(values, tuple | list) or len(values) not in (1, self.channels):
            raise ConfigError(
                f"{name}: must be a number for each of {self.channels} channels; got "
                f"{shortened(values)}"
            )
        numbers = tuple(
            checked_number(f"{name}:", value, minimum, _LARGEST, "a finite number", ConfigError)
            for value in values
        )
        return numbers * self.channels if len(numbers) == 1 else numbers
