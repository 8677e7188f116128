"""Checks of the numbers, truth values and choices that a user gives.

Each function returns a plain Python value (NumPy's scalars are converted) or raises `error` with a
message that begins with `where`. Limits are in `common.bounds`.
"""

import math
import operator
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any, TypeVar, cast

import numpy as np

from common.bounds import MAX_CHANNELS, MAX_PIXELS, MAX_SIDE, MAX_VALUES
from common.errors import AnyNetError, ConfigError, SpecError, shortened, shown

_Choice = TypeVar("_Choice", bound=str)
_NOT_NUMBERS = (bool, np.bool_, str, bytes, bytearray)
"""Types that `float` or `operator.index` would convert."""


def checked_integer(
    where: str, value: object, minimum: int, maximum: int, error: type[AnyNetError] = SpecError
) -> int:
    """An integer from `minimum` to `maximum`; booleans and floats are refused."""
    try:
        if isinstance(value, bool | np.bool_):
            raise TypeError
        number = operator.index(cast(int, value))
    except TypeError as cause:
        raise error(f"{where} must be an integer; got {shortened(value)}") from cause
    if number < minimum:
        raise error(f"{where} must be at least {minimum:,}; got {shortened(number)}")
    if number > maximum:
        raise error(f"{where} must be at most {maximum:,}; got {shortened(number)}")
    return number


def checked_number(
    where: str,
    value: object,
    minimum: float,
    maximum: float,
    rule: str = "a finite number",
    error: type[AnyNetError] = SpecError,
    holds: Callable[[float], bool] | None = None,
) -> float:
    """A finite float from `minimum` to `maximum` for which `holds`; -0.0 becomes 0.0.

    `rule` says what `holds` checks. Booleans and text are refused.
    """
    try:
        if isinstance(value, _NOT_NUMBERS):
            raise TypeError
        number = float(cast(Any, value)) + 0.0
    except (TypeError, ValueError, OverflowError) as cause:
        raise error(f"{where} must be {rule}; got {shortened(value)}") from cause
    if not math.isfinite(number) or not (holds is None or holds(number)):
        raise error(f"{where} must be {rule}; got {number}")
    if number < minimum:
        raise error(f"{where} must be at least {minimum:,.7g}; got {shortened(value)}")
    if number > maximum:
        raise error(f"{where} must be at most {maximum:,.7g}; got {shortened(value)}")
    return number


def checked_boolean(where: str, value: object, error: type[AnyNetError] = SpecError) -> bool:
    """True or false; numbers are refused."""
    if not isinstance(value, bool | np.bool_):
        raise error(f"{where} must be true or false; got {shown(value)}")
    return bool(value)


def checked_choice(
    where: str, value: object, choices: Sequence[_Choice], error: type[AnyNetError] = SpecError
) -> _Choice:
    """One of `choices`."""
    if not isinstance(value, str) or value not in choices:
        raise error(f"{where} must be one of {', '.join(choices)}; got {shown(value)}")
    return cast(_Choice, value)


def checked_size(where: str, size: object, error: type[AnyNetError] = SpecError) -> tuple[int, int]:
    """(height, width) in pixels, each from 1 to `MAX_SIDE`; `size` is one side or both."""
    given = tuple(size) if isinstance(size, tuple | list) else (size, size)
    if len(given) != 2:
        raise error(f"{where} must be a side or (height, width); got {shortened(size)}")
    height, width = (checked_integer(where, side, -MAX_SIDE, MAX_SIDE, error) for side in given)
    if min(height, width) < 1:
        raise error(f"{where} must be at least 1 pixel; got {height}x{width}")
    return height, width


def check_batch(batch_size: int, size: tuple[int, int]) -> None:
    """Raise `ConfigError` if a batch of images of this size has more than `MAX_PIXELS` pixels."""
    pixels = batch_size * size[0] * size[1]
    if pixels > MAX_PIXELS:
        raise ConfigError(
            f"batch_size: images of a batch must have at most {MAX_PIXELS:,} pixels in all; got "
            f"{pixels:,}, {batch_size:,} of {size[0]}x{size[1]}"
        )


def checked_rising(
    where: str, values: Sequence[float], maximum: int = MAX_CHANNELS
) -> tuple[int, ...]:
    """Positive integers in strictly rising order, at most `MAX_VALUES` of them.

    Raises `SpecError`.
    """
    rule = f"{where} must be rising positive integers"
    try:
        first = tuple(islice(values, MAX_VALUES + 1))
        if isinstance(values, str) or any(isinstance(value, bool) for value in first):
            raise TypeError
        plain = tuple(operator.index(cast(int, value)) for value in first)
    except TypeError as error:
        raise SpecError(f"{rule}; got {shortened(values)}") from error
    if len(plain) > MAX_VALUES:
        raise SpecError(f"{where} must be at most {MAX_VALUES:,} values; got {shortened(values)}")
    if not plain or list(plain) != sorted(set(plain)) or plain[0] < 1:
        raise SpecError(f"{rule}; got {shortened(plain)}")
    if plain[-1] > maximum:
        raise SpecError(f"{where} must be at most {maximum:,}; got {shortened(plain[-1])}")
    return plain


def checked_ratios(where: str, values: Sequence[float]) -> tuple[float, ...]:
    """Numbers in strictly rising order, each a positive integer or the inverse of one, as a float.

    Raises `SpecError`.
    """
    try:
        first = list(islice(values, MAX_VALUES + 1))
    except TypeError:
        first = []
    below = [value for value in first if isinstance(value, float) and 1 / MAX_CHANNELS <= value < 1]
    if not below:
        return checked_rising(where, values)
    inverses = [1 / round(1 / value) for value in below]
    whole = first[len(below) :]
    errors = [abs(one - value) for one, value in zip(inverses, below, strict=True)]
    if max(errors) > 1e-6 or inverses != sorted(set(inverses)):
        raise SpecError(
            f"{where} must be rising positive integers or inverses of integers; got "
            f"{shortened(first)}"
        )
    return *inverses, *(checked_rising(where, whole) if whole else ())


def checked_range(
    where: str, ends: Any, minimum: float, step: float = 0, maximum: float = math.inf
) -> tuple[Any, Any]:
    """The two ends of a closed range within `minimum` and `maximum`.

    With a `step`, finite multiples of it; integers if `step` is an int. Raises `SpecError`.
    """
    rule = f"{where} must be a rising range from {minimum:g} on"
    if step not in (0, 1):
        rule += f" in multiples of {step:g}"
    try:
        low, high = (operator.index(end) if isinstance(step, int) and step else float(end)
                     for end in ends if not isinstance(end, _NOT_NUMBERS))  # fmt: skip
    except (TypeError, ValueError, OverflowError) as error:
        raise SpecError(f"{rule}; got {shortened(ends)}") from error
    if maximum < max(low, high) < math.inf:
        raise SpecError(f"{where} must be at most {maximum:,.7g}; got {shortened(max(low, high))}")
    if not (
        minimum - 1e-9 <= low <= high
        and (not step or (high < math.inf and all(_is_multiple(end, step) for end in (low, high))))
    ):
        raise SpecError(f"{rule}; got {shortened(low)} to {shortened(high)}")
    return low, high


def _is_multiple(number: float, step: float) -> bool:
    return abs(number / step - round(number / step)) < 1e-6


class FieldChecker:
    """Checks the fields of a frozen dataclass in its `__post_init__`, and keeps plain values.

    Errors are of type `error`; `mark` follows the field's name in their messages.
    """

    def __init__(self, owner: object, error: type[AnyNetError] = SpecError, mark: str = "") -> None:
        self._owner, self._error, self._mark = owner, error, mark

    def integer(self, name: str, minimum: int, maximum: int) -> int:
        """An integer from `minimum` to `maximum`."""
        where, value = self._field(name)
        number = checked_integer(where, value, minimum, maximum, self._error)
        self.keep(name, number)
        return number

    def number(
        self,
        name: str,
        minimum: float,
        maximum: float,
        rule: str,
        holds: Callable[[float], bool] | None = None,
    ) -> None:
        """A number from `minimum` to `maximum` for which `holds`, as `rule` says in words."""
        where, value = self._field(name)
        self.keep(name, checked_number(where, value, minimum, maximum, rule, self._error, holds))

    def boolean(self, name: str) -> None:
        """True or false."""
        where, value = self._field(name)
        self.keep(name, checked_boolean(where, value, self._error))

    def choice(self, name: str, choices: Sequence[str]) -> None:
        """One of `choices`."""
        where, value = self._field(name)
        self.keep(name, checked_choice(where, value, choices, self._error))

    def size(self, name: str) -> None:
        """An image's (height, width) in pixels."""
        where, value = self._field(name)
        self.keep(name, checked_size(where, value, self._error))

    def keep(self, name: str, value: object) -> None:
        """Set a field of the frozen dataclass."""
        object.__setattr__(self._owner, name, value)

    def _field(self, name: str) -> tuple[str, object]:
        return f"{name}{self._mark}", getattr(self._owner, name)
