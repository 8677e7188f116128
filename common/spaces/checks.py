"""What all kinds of design spaces have in common: a name, a number of stages, kinds of blocks."""

from collections.abc import Sequence

from common.bounds import MAX_NAME, MAX_STAGES
from common.errors import SpecError, shortened, shown
from common.numbers import checked_integer
from common.spaces.template import Template


def check_shape(
    name: str,
    stages: object,
    template: Template,
    bottleneck_ratios: Sequence[float],
    group_widths: Sequence[float],
) -> int:
    """The number of stages of a space as a plain int.

    Raises `SpecError` for a name that is empty or too long, for a number of stages that is not from
    1 to `MAX_STAGES`, and for bottlenecks or groups in blocks that have none.
    """
    if not isinstance(name, str) or not name:
        raise SpecError(f"name must be text; got {shown(name)}")
    if len(name) > MAX_NAME:
        raise SpecError(f"name must be of {MAX_NAME} characters at most; got {shown(name)}")
    number = checked_integer("stages", stages, 1, MAX_STAGES)
    for key, values in (("bottleneck_ratios", bottleneck_ratios), ("group_widths", group_widths)):
        if template.block != "resnext" and tuple(values) != (1,):
            raise SpecError(
                f"{key} must be 1 alone for {template.block} blocks, which have no groups and no "
                f"bottleneck; got {shortened(values)}"
            )
    return number
