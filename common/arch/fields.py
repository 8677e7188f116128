"""Numbers of frozen dataclasses: checked, and kept as plain Python ones."""

import math
import operator
from typing import Any, cast

from common.errors import SpecError


def set_integer(spec: object, name: str, least: int) -> None:
    """Keep field `name` as a plain int (NumPy integers included); raise if it is below `least`."""
    value = getattr(spec, name)
    try:
        if isinstance(value, bool):
            raise TypeError
        number = operator.index(value)
    except TypeError as error:
        raise SpecError(f"{name} must be an integer; got {value!r}") from error
    if number < least:
        raise SpecError(f"{name} must be at least {least}; got {number}")
    object.__setattr__(spec, name, number)


def set_number(spec: object, name: str, holds: Any, rule: str) -> None:
    """Keep field `name` as a plain float; raise unless it is finite and `holds(value)`."""
    value = getattr(spec, name)
    try:
        if isinstance(value, bool | str):
            raise TypeError
        number = float(cast(float, value))
    except (TypeError, ValueError, OverflowError) as error:
        raise SpecError(f"{name} must be {rule}; got {value!r}") from error
    if not math.isfinite(number) or not holds(number):
        raise SpecError(f"{name} must be {rule}; got {number}")
    object.__setattr__(spec, name, number)
