"""What decides the batches of a data set besides its name, as plain data."""

from dataclasses import asdict, dataclass, fields
from typing import Any, Final

from common.bounds import MAX_SEED
from common.data.augment import PLAIN, Augmentation
from common.data.preprocessing import Preprocessing
from common.data.sources.split import VALIDATION_SHARE
from common.errors import ConfigError, shortened
from common.numbers import FieldChecker


@dataclass(frozen=True)
class DataOptions:
    """How the images of a data set are split, prepared and varied. Raises `ConfigError`.

    - `preprocessing`: what the network sees; `None` is the data set's own.
    - `augmentation`: how training images are varied.
    - `val_share`, `split_seed`: the split of a data set without validation images.
    """

    preprocessing: Preprocessing | None = None
    augmentation: Augmentation = PLAIN
    val_share: float = VALIDATION_SHARE
    split_seed: int = 0

    def __post_init__(self) -> None:
        for name, kind in (("preprocessing", Preprocessing | None), ("augmentation", Augmentation)):
            value = getattr(self, name)
            if not isinstance(value, kind):
                raise ConfigError(f"{name}: must be of its own type; got {shortened(value)}")
        check = FieldChecker(self, ConfigError, ":")
        check.number("val_share", 0, 1, "between 0 and 1", lambda share: 0 < share < 1)
        check.integer("split_seed", 0, MAX_SEED)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON, from which `from_dict` gives equal options."""
        seen = self.preprocessing
        return {
            **asdict(self),
            "preprocessing": None if seen is None else seen.to_dict(),
            "augmentation": self.augmentation.to_dict(),
        }

    @classmethod
    def from_dict(cls, values: object, where: str = "data_options") -> "DataOptions":
        """Read what `to_dict` wrote. Raises `ConfigError` whose message begins with `where`."""
        known = {field.name for field in fields(cls)}
        if not isinstance(values, dict) or set(values) != known:
            raise ConfigError(
                f"{where}: must be an object with {', '.join(sorted(known))}; got "
                f"{shortened(values)}"
            )
        given = dict(values)
        if given["preprocessing"] is not None:
            given["preprocessing"] = Preprocessing.from_dict(given["preprocessing"], where)
        varied = given["augmentation"]
        names = {field.name for field in fields(Augmentation)}
        if not isinstance(varied, dict) or {"mixup", *varied} != names:
            raise ConfigError(
                f"{where}: augmentation must have {', '.join(sorted(names))}; got "
                f"{shortened(varied)}"
            )
        given["augmentation"] = Augmentation(**varied)
        return cls(**given)


USUAL: Final = DataOptions()
"""A data set prepared as it usually is."""
