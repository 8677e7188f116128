"""Numbers of frozen dataclasses: checked, and kept as plain Python ones."""

import sys
from typing import Any

import numpy as np

from common.arch.bounds import checked_integer, checked_number
from common.errors import SpecError, shown


def set_integer(spec: object, name: str, minimum: int, maximum: int) -> None:
    """Keep field `name` as a plain int from `minimum` to `maximum`. Raises `SpecError`."""
    object.__setattr__(spec, name, checked_integer(name, getattr(spec, name), minimum, maximum))


def set_number(
    spec: object, name: str, holds: Any, rule: str, minimum: float, maximum: float
) -> None:
    """Keep field `name` as a plain float from `minimum` to `maximum` for which `holds(value)`.

    `rule` says in words what holds. Raises `SpecError`.
    """
    number = checked_number(name, getattr(spec, name), -float("inf"), float("inf"), rule)
    if not holds(number):
        raise SpecError(f"{name} must be {rule}; got {number}")
    object.__setattr__(spec, name, checked_number(name, number, minimum, maximum, rule))


def set_stride(spec: object, name: str) -> None:
    """Keep field `name` as 1 or 2. Raises `SpecError`."""
    set_integer(spec, name, 1, sys.maxsize)
    if getattr(spec, name) > 2:
        raise SpecError(f"{name} must be 1 or 2; got {getattr(spec, name)}")


def set_boolean(spec: object, name: str) -> None:
    """Keep field `name` as a plain bool (NumPy's included). Raises `SpecError`."""
    value = getattr(spec, name)
    if not isinstance(value, bool | np.bool_):
        raise SpecError(f"{name} must be true or false; got {shown(value)}")
    object.__setattr__(spec, name, bool(value))


def set_choice(spec: object, name: str, choices: tuple[str, ...]) -> None:
    """Raise `SpecError` unless field `name` is one of `choices`."""
    value = getattr(spec, name)
    if not isinstance(value, str) or value not in choices:
        raise SpecError(f"{name} must be one of {', '.join(choices)}; got {shown(value)}")
