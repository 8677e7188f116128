"""The values of parameters, checked and kept as plain numbers."""

import math
import operator
from collections.abc import Sequence
from itertools import islice
from typing import Any, Final

import numpy as np

from common.arch.bounds import MAX_CHANNELS, MAX_STAGES, MAX_VALUES, checked_integer
from common.errors import SpecError, shortened, shown
from common.spaces.population import Template


def rising(name: str, values: Sequence[int], maximum: int = MAX_CHANNELS) -> tuple[int, ...]:
    """The values as plain integers.

    Raises `SpecError` unless they rise from 1 or more to at most `maximum`, and are not too many.
    """
    rule = f"{name} must be rising positive integers"
    try:
        first = tuple(islice(values, MAX_VALUES + 1))
        if isinstance(values, str) or any(isinstance(value, bool) for value in first):
            raise TypeError
        plain = tuple(map(operator.index, first))
    except TypeError as error:
        raise SpecError(f"{rule}; got {shortened(values)}") from error
    if len(plain) > MAX_VALUES:
        raise SpecError(f"{name} must be at most {MAX_VALUES:,} values; got {shortened(values)}")
    if not plain or list(plain) != sorted(set(plain)) or plain[0] < 1:
        raise SpecError(f"{rule}; got {shortened(plain)}")
    if plain[-1] > maximum:
        raise SpecError(f"{name} must be at most {maximum:,}; got {shortened(plain[-1])}")
    return plain


def interval(
    name: str, ends: Any, minimum: float, step: float = 0, maximum: float = math.inf
) -> tuple[Any, Any]:
    """Both ends as plain numbers, multiples of `step`, and integers where `step` is an integer.

    Raises `SpecError` unless they rise from `minimum` on to at most `maximum`.
    """
    rule = f"{name} must be a rising range from {minimum:g} on"
    if step not in (0, 1):
        rule += f" in multiples of {step:g}"
    try:
        low, high = (operator.index(end) if isinstance(step, int) and step else float(end)
                     for end in ends if not isinstance(end, _NO_NUMBERS))  # fmt: skip
    except (TypeError, ValueError, OverflowError) as error:
        raise SpecError(f"{rule}; got {shortened(ends)}") from error
    if maximum < max(low, high) < math.inf:
        raise SpecError(f"{name} must be at most {maximum:,.7g}; got {shortened(max(low, high))}")
    if not (
        minimum - 1e-9 <= low <= high
        and (not step or (high < math.inf and all(_is_multiple(end, step) for end in (low, high))))
    ):
        raise SpecError(f"{rule}; got {shortened(low)} to {shortened(high)}")
    return low, high


def _is_multiple(number: float, step: float) -> bool:
    return abs(number / step - round(number / step)) < 1e-6


_NO_NUMBERS = (bool, np.bool_, str, bytes)
"""What Python would take for a number, and is none."""


LONGEST_NAME: Final = 100
"""Characters of a name: directories and files are called after it."""


def check_shape(
    name: str,
    stages: object,
    template: Template,
    bottleneck_ratios: Sequence[int],
    group_widths: Sequence[int],
) -> int:
    """The number of stages as a plain int.

    Raises `SpecError` unless a space may have this name, number of stages and blocks.
    """
    if not isinstance(name, str) or not name:
        raise SpecError(f"name must be text; got {shown(name)}")
    if len(name) > LONGEST_NAME:
        raise SpecError(f"name must be of {LONGEST_NAME} characters at most; got {shown(name)}")
    number = checked_integer("stages", stages, 1, MAX_STAGES)
    for key, values in (("bottleneck_ratios", bottleneck_ratios), ("group_widths", group_widths)):
        if template.block != "resnext" and tuple(values) != (1,):
            raise SpecError(
                f"{key} must be 1 alone for {template.block} blocks, which have no groups and no "
                f"bottleneck; got {shortened(values)}"
            )
    return number
