"""Number types of the command line: bounded, finite, and shortened in messages."""

from typing import Any

import click

from common.bounds import (
    MAX_BATCH,
    MAX_DEVICES,
    MAX_EPOCHS,
    MAX_NETWORKS,
    MAX_SEED,
    MAX_SIDE,
    MAX_STEPS,
)
from common.errors import shortened

_LONGEST = 40
"""Maximum number of characters of a number."""

_Parameter = click.Parameter | None
_Context = click.Context | None


class Integer(click.IntRange):
    """An integer from `min` to `max`."""

    def convert(self, value: Any, param: _Parameter, ctx: _Context) -> Any:
        """The integer; a usage error for anything else."""
        if isinstance(value, str) and len(value) > _LONGEST:
            self.fail(
                f"{shortened(value)} is not in the range {self._describe_range()}", param, ctx
            )
        return super().convert(value, param, ctx)


class Number(click.FloatRange):
    """A finite number in a range."""

    def convert(self, value: Any, param: _Parameter, ctx: _Context) -> Any:
        """The number; a usage error for anything else."""
        if isinstance(value, str) and len(value) > _LONGEST:
            self.fail(f"{shortened(value)} is not a number of at most {_LONGEST} characters",
                      param, ctx)  # fmt: skip
        number = super().convert(value, param, ctx)
        if number - number != 0:
            self.fail(f"{value} is not a finite number", param, ctx)
        return number


SIDE = Integer(1, MAX_SIDE)
SEED = Integer(0, MAX_SEED)
EPOCHS = Integer(1, MAX_EPOCHS)
DEVICES = Integer(1, MAX_DEVICES)
BATCH = Integer(1, MAX_BATCH)
STEPS = Integer(1, MAX_STEPS)
IMAGES = Integer(0, MAX_STEPS)
NETWORKS = Integer(1, MAX_NETWORKS)
WORKERS = Integer(1, 1024)
"""Processes, and threads of each."""
