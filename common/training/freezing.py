"""Parts of a network that training leaves as they are."""

from collections.abc import Iterable

from common.chapter import OPTIMIZER, overrides_optimizer
from common.errors import ConfigError, shortened, shown
from common.weights import part_of


def checked_parts(freeze: object) -> tuple[str, ...]:
    """Names of parts, each once. Raises `ConfigError` for anything but a list of texts."""
    if not isinstance(freeze, tuple | list) or not all(isinstance(name, str) for name in freeze):
        raise ConfigError(
            f"freeze: must be names of parts, such as ('stem', 'stage1'); got {shown(freeze)}"
        )
    return tuple(dict.fromkeys(freeze))


def check_freeze(freeze: object, trainable: Iterable[str]) -> frozenset[str]:
    """The parts that are frozen, of a network whose `trainable` arrays have these names.

    Raises `ConfigError` for a part that is not there, and if nothing is left to train.
    """
    given, parts = checked_parts(freeze), dict.fromkeys(map(part_of, trainable))
    there = shortened(", ".join(parts))
    if unknown := [name for name in given if name not in parts]:
        raise ConfigError(
            f"freeze: must be parts of the network, {there}; got {shortened(', '.join(unknown))}"
        )
    if given and not parts.keys() - {*given}:
        raise ConfigError(f"freeze: must leave a part to train; got all of {there}")
    return frozenset(given)


def frozen_parts(freeze: object, model: object, trainable: Iterable[str]) -> frozenset[str]:
    """As `check_freeze`; raises `ConfigError` for a model with its own optimizer, too."""
    parts = check_freeze(freeze, trainable)
    if parts and overrides_optimizer(getattr(model, "module", model)):
        raise ConfigError(
            f"freeze: must be left out for a model with its own {OPTIMIZER}; got "
            f"{shortened(', '.join(sorted(parts)))}; give that optimizer the weights to train"
        )
    return parts
