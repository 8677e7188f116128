"""The description of a study: its spaces, the networks per space, and how they are trained."""

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Final, Literal, get_args

from common.bounds import MAX_NAME, MAX_NETWORKS, MAX_SEED, MAX_SEEDS
from common.errors import ConfigError, SpecError, StudyError, shortened, shown
from common.files import check_format, reading
from common.numbers import FieldChecker
from common.spaces import DesignSpace, space_from_dict, space_to_dict
from common.studies.listed import ListedSpace, Source
from common.training import TrainConfig
from common.weights.initial import DRAWN, Init

ErrorOf = Literal["last", "least"]
"""Which error of a network counts: that after the last epoch, or the least of all epochs."""

Pruner = Literal["none", "halving"]
"""`halving`: successive halving by the errors after each epoch."""

FORMAT: Final = 1
"""Version of a study's data in its storage."""


@dataclass(frozen=True)
class ObjectiveName:
    """Which Python function evaluates a study's networks; to compare, never to import it.

    `digest` (XXH3-128) is that of its file, `file` the file's name, which messages show and
    comparisons leave out. Raises `ConfigError`.
    """

    function: str
    digest: str
    file: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        for item in fields(self):
            if not isinstance(value := getattr(self, item.name), str):
                raise ConfigError(f"objective: {item.name} must be text; got {shown(value)}")

    def __str__(self) -> str:
        return f"{self.place} (digest {shortened(self.digest[:8])})"

    @property
    def place(self) -> str:
        """FILE.py:function, for messages."""
        return shortened(f"{self.file}:{self.function}" if self.file else self.function)


_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def check_name(what: str, name: str) -> None:
    """Raise `ConfigError` unless `name` is valid for a study or a space, as `what` says."""
    if not _NAME.fullmatch(name) or len(name) > MAX_NAME:
        raise ConfigError(
            f"{what}: its name must be letters, digits, '.', '_' and '-', at most {MAX_NAME}, "
            f"beginning with a letter or digit; got {shown(name)}"
        )


@dataclass(frozen=True)
class StudyConfig:
    """A study: `networks` networks of each space, sampled with `seed` and trained alike.

    `training` is a run's config without a spec; its seed draws the initial weights and the order of
    the images, the same for every network. `init` is how they are drawn, and `error_of` which error
    counts. With `seeds` above 1 each network is trained so often, with consecutive seeds from that
    of `training` on, and its error is their mean. With an `objective`, that function evaluates the
    networks instead. The networks of an `imported` study were trained elsewhere; it may have spaces
    that cannot be sampled, and then `training` says no more than the image size and the number of
    epochs. Raises `ConfigError`.
    """

    spaces: tuple[DesignSpace | ListedSpace, ...]
    networks: int = 64
    seed: int = 0
    training: TrainConfig = field(default_factory=lambda: TrainConfig("torch", spec=None))
    pruner: Pruner = "none"
    init: Init = "xavier"
    error_of: ErrorOf = "last"
    objective: ObjectiveName | None = None
    seeds: int = 1
    imported: Source | None = None

    def __post_init__(self) -> None:
        check = FieldChecker(self, ConfigError, ":")
        check.keep("spaces", tuple(self.spaces))
        names = [space.name for space in self.spaces]
        if not names or len(set(names)) < len(names):
            raise ConfigError(
                f"spaces: must be at least one, with distinct names; got {shown(names)}"
            )
        for name in names:
            check_name("space", name)
        if len(self.designed) < len(names) and self.imported is None:
            raise ConfigError(
                "spaces: must be design spaces to train networks of; got a listed one"
            )
        check.integer("networks", 1, MAX_NETWORKS)
        check.integer("seed", 0, MAX_SEED)
        check.choice("pruner", get_args(Pruner))
        check.choice("init", DRAWN)
        check.choice("error_of", get_args(ErrorOf))
        check.integer("seeds", 1, MAX_SEEDS)
        if self.seeds > 1 and self.pruner != "none":
            raise ConfigError(
                f"seeds: must be 1 with the pruner {self.pruner}; got {self.seeds}; a network has "
                "an error only if all its trainings are complete"
            )
        if self.training.seed > MAX_SEED - self.seeds + 1:
            raise ConfigError(
                f"seeds: must end at {MAX_SEED}; got {self.seeds} from {self.training.seed} on"
            )
        if self.training.spec is not None:
            raise ConfigError("training: must have no spec, since the spaces give them; got one")
        if self.training.devices != 1:
            raise ConfigError(
                "training: devices must be 1, since a study trains a network on each; got "
                f"{self.training.devices}; start more workers instead"
            )
        if self.training.init != "xavier":
            raise ConfigError(
                f"training: init must be left to the study, which has its own; got "
                f"{self.training.init}"
            )

    @property
    def designed(self) -> tuple[DesignSpace, ...]:
        """The spaces that can be sampled; of a study that is not imported, all."""
        return tuple(space for space in self.spaces if not isinstance(space, ListedSpace))

    def check_trains(self, where: str) -> None:
        """Raise `StudyError` for an imported study, none of whose networks are trained here."""
        if self.imported is not None:
            raise StudyError(
                f"{where}: its networks must be trained here; got those imported from "
                f"{shortened(self.imported.file)}; import a larger table as another study"
            )

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain data for JSON; `from_dict` restores an equal config.

        Fields that version 0.1 lacks are left out at their defaults.
        """
        later: dict[str, tuple[Any, Any]] = {
            "init": (self.init, "xavier"),
            "error_of": (self.error_of, "last"),
            "objective": (self.objective and asdict(self.objective), None),
            "seeds": (self.seeds, 1),
            "imported": (self.imported and self.imported.to_dict(), None),
        }
        return {
            "format": FORMAT,
            "spaces": [
                {"kind": _LISTED, "name": space.name}
                if isinstance(space, ListedSpace)
                else space_to_dict(space)
                for space in self.spaces
            ],
            "networks": self.networks,
            "seed": self.seed,
            "training": self.training.to_dict(),
            "pruner": self.pruner,
            **{name: value for name, (value, usual) in later.items() if value != usual},
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any], where: str = "study") -> "StudyConfig":
        """The inverse of `to_dict`. Raises `ConfigError` that begins with `where`."""
        check_format(values.get("format"), FORMAT, where, ConfigError)
        with reading(where, "a study's config", ConfigError):
            return cls(
                _spaces(values["spaces"], where),
                values["networks"],
                values["seed"],
                TrainConfig.from_dict(values["training"], where),
                values["pruner"],
                values.get("init", "xavier"),
                values.get("error_of", "last"),
                ObjectiveName(**values["objective"]) if values.get("objective") else None,
                values.get("seeds", 1),
                Source(**values["imported"]) if values.get("imported") else None,
            )


_LISTED: Final = "listed"
"""The kind of a space that is known by its networks alone."""


def _spaces(data: Iterable[object], where: str) -> tuple[DesignSpace | ListedSpace, ...]:
    try:
        return tuple(
            ListedSpace(str(space["name"]))
            if isinstance(space, dict) and space.get("kind") == _LISTED
            else space_from_dict(space, where)
            for space in data
        )
    except SpecError as error:
        raise ConfigError(str(error)) from error
