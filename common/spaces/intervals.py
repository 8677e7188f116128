"""The values of parameters, checked and kept as plain numbers."""

import math
import operator
from collections.abc import Sequence
from typing import Any, TypeVar

from common.errors import SpecError
from common.spaces.population import Template

Number = TypeVar("Number", int, float)


def rising(name: str, values: Sequence[int]) -> tuple[int, ...]:
    """The values as plain integers. Raises `SpecError` unless they rise from 1 or more."""
    try:
        if isinstance(values, str) or any(isinstance(value, bool) for value in values):
            raise TypeError
        plain = tuple(operator.index(value) for value in values)
    except TypeError as error:
        raise SpecError(f"{name} must be rising positive integers; got {values!r}") from error
    if not plain or list(plain) != sorted(set(plain)) or plain[0] < 1:
        raise SpecError(f"{name} must be rising positive integers; got {plain}")
    return plain


def interval(name: str, ends: Any, least: float, step: float = 0) -> tuple[Any, Any]:
    """Both ends as plain numbers, multiples of `step`, and integers where `step` is an integer.

    Raises `SpecError` unless they rise from `least` on.
    """
    rule = f"{name} must be a rising range from {least:g} on"
    if step not in (0, 1):
        rule += f" in multiples of {step:g}"
    try:
        low, high = (operator.index(end) if isinstance(step, int) and step else float(end)
                     for end in ends if not isinstance(end, bool | str))  # fmt: skip
    except (TypeError, ValueError) as error:
        raise SpecError(f"{rule}; got {ends!r}") from error
    on_steps = not step or all(
        math.isfinite(end) and abs(end / step - round(end / step)) < 1e-6 for end in (low, high)
    )
    if not (on_steps and least - 1e-9 <= low <= high):
        raise SpecError(f"{rule}; got {low} to {high}")
    return low, high


def check_shape(
    name: str,
    stages: int,
    template: Template,
    bottleneck_ratios: Sequence[int],
    group_widths: Sequence[int],
) -> None:
    """Raise `SpecError` unless a space may have this name, number of stages and blocks."""
    if not isinstance(name, str) or not name:
        raise SpecError(f"name must be text; got {name!r}")
    if not isinstance(stages, int) or isinstance(stages, bool) or stages < 1:
        raise SpecError(f"stages must be an integer of at least 1; got {stages!r}")
    for key, values in (("bottleneck_ratios", bottleneck_ratios), ("group_widths", group_widths)):
        if template.block != "resnext" and tuple(values) != (1,):
            raise SpecError(
                f"{key} must be 1 alone for {template.block} blocks, which have no groups and no "
                f"bottleneck; got {values}"
            )
