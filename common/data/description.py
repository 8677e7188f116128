"""What the images of a network are: how they are prepared, and what their classes are called."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from common.data.preprocessing import Preprocessing
from common.data.sources.protocol import check_classes
from common.errors import AnyNetError, ConfigError, shortened

_NUMBER: Final = re.compile(r"(LABEL_|class_)?\d+", re.IGNORECASE)
"""Class names that are numbers; transformers writes LABEL_0."""

_IMAGENET_CLASSES: Final = 1000


def means_others(known: Sequence[str], given: Sequence[str]) -> bool:
    """Whether class names say that labels mean other classes: `given` ones do not begin `known`.

    Numbers are no names, and ImageNet's classes have many spellings: they go by their position.
    """
    if not known or len(known) == _IMAGENET_CLASSES or list(given) == list(known[: len(given)]):
        return False
    return not any(all(map(_NUMBER.fullmatch, names)) for names in (known, given))


@dataclass(frozen=True)
class ImageDescription:
    """How a network sees an image, and the names of its classes; stored in its weight files.

    `classes` are in the order of the labels; a network may have more outputs than names. Raises
    `ConfigError` or `DataError`.
    """

    preprocessing: Preprocessing
    classes: tuple[str, ...]

    def __post_init__(self) -> None:
        if not isinstance(self.preprocessing, Preprocessing):
            raise ConfigError(
                f"preprocessing: must be a Preprocessing; got {shortened(self.preprocessing)}"
            )
        object.__setattr__(self, "classes", check_classes(self.classes, "classes"))

    def names(self, num_classes: int) -> tuple[str, ...]:
        """A name for each output: the class names, and then numbers."""
        return (*self.classes, *map(str, range(len(self.classes), num_classes)))[:num_classes]

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON, from which `from_dict` gives an equal description."""
        return {"preprocessing": self.preprocessing.to_dict(), "classes": list(self.classes)}

    @classmethod
    def from_dict(cls, values: object, where: str = "images") -> "ImageDescription":
        """Read what `to_dict` wrote. Raises `ConfigError` whose message begins with `where`."""
        if not isinstance(values, dict) or set(values) != {"preprocessing", "classes"}:
            raise ConfigError(
                f"{where}: must be an object with preprocessing and classes; got "
                f"{shortened(values)}"
            )
        classes = values["classes"]
        if not isinstance(classes, Sequence):
            raise ConfigError(f"{where}: classes must be a list; got {shortened(classes)}")
        try:
            return cls(Preprocessing.from_dict(values["preprocessing"]), tuple(classes))
        except AnyNetError as error:
            raise ConfigError(f"{where}: {error}") from error
