"""Imported populations: where they are from, and networks that are known by numbers alone."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Final

from common.errors import ConfigError, shown

IMPORTED: Final = "imported"
"""The kind of the row of a record that says which row of a table a training was."""


@dataclass(frozen=True)
class Source:
    """Where the networks of an imported study are from: nothing here trained them.

    `file` is the name of the imported file, `digest` (XXH3-128) that of its bytes, and `about` says
    how the networks were trained, in the words of whoever imported them. Raises `ConfigError`.
    """

    file: str
    digest: str
    about: str = ""

    def __post_init__(self) -> None:
        for item in fields(self):
            if not isinstance(value := getattr(self, item.name), str):
                raise ConfigError(f"imported: {item.name} must be text; got {shown(value)}")

    def to_dict(self) -> dict[str, str]:
        """The fields as plain data for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class ListedSpace:
    """A space of which only some networks are known, or all of them, but no distribution."""

    name: str


@dataclass(frozen=True)
class ListedNetwork:
    """A network that is no AnyNet: the `index`-th of its space, with a label and numbers.

    `numbers` are its design parameters by name, such as the operation of each layer.
    """

    space: str
    index: int
    label: str
    numbers: Mapping[str, float] = field(default_factory=dict)
    repeat: int = 0

    @property
    def name(self) -> str:
        """Its name within the study, such as macro/12, or macro/12@1 for its second seed."""
        return f"{self.space}/{self.index}" + (f"@{self.repeat}" if self.repeat else "")

    @property
    def parameters(self) -> dict[str, float]:
        """Parameters of stages, which it does not have."""
        return {}

    @property
    def widths(self) -> list[int]:
        """Channels of its blocks, which are not known."""
        return []

    def to_dict(self) -> dict[str, Any]:
        """What it is, as plain data for its record."""
        return {"label": self.label, "numbers": dict(self.numbers)}
