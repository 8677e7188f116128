"""The largest numbers that a user can write, and the one check of them.

Every published network is far inside: the largest RegNet has 11,110 channels and 10^10
parameters, ImageNet-22k 21,843 classes, the deepest ResNets 1,000 layers. At the bounds a plan, its
counts and a summary take seconds.
"""

import math
import operator
from typing import Any, Final, cast

import numpy as np

from common.errors import AnyNetError, ConfigError, SpecError, shortened

MAX_BLOCKS: Final = 10_000
"""Blocks of a network, in all its stages."""

MAX_CHANNELS: Final = 2**20
"""Channels, group widths, units of a linear layer, and classes."""

MAX_WIDTH: Final = MAX_CHANNELS // 2
"""Channels of a design space's stages, which group widths may make half as wide again."""

MAX_SIDE: Final = 2**14
"""Pixels of one side of an image."""

MAX_STAGES: Final = 32
"""Stages of the networks of a design space."""

MAX_VALUES: Final = 2**17
"""Values of one parameter of a design space."""

MAX_LEVELS: Final = 2**22
"""Lines of a space of RegNets, times the widths that the longest may pass."""

MAX_SAMPLED: Final = 8_000_000
"""Stages of the networks that are drawn from a space at once: two million networks of four."""

MAX_SEED: Final = 2**63 - 1
"""Seeds, which every framework and storage keeps in 64 bits."""

MAX_EPOCHS: Final = 1_000_000
"""Epochs of a run or a warm-up."""

MAX_STEPS: Final = 1_000_000_000
"""Steps between two lines of a record, and images for precise batch norm."""

MAX_BATCH: Final = 2**20
"""Images of a batch."""

MAX_PIXELS: Final = 2**31
"""Pixels of all images of a batch."""

MAX_RATE: Final = 1e38
"""Learning rates and weight decays, which are float32 in a step."""

MAX_NETWORKS: Final = 100_000
"""Networks of each space of a study."""

MAX_COUNTED: Final = 2**63 - 1
"""Parameters, multiply-adds or activations of a network of a population."""

MIN_EPSILON: Final = 1e-12
"""What batch norms add to variances, so that float32 holds its inverse and that one's cube."""

MIN_MOMENTUM: Final = 1e-6
"""Weight of a new batch in running statistics that float32 can tell from none."""


def checked_integer(
    where: str, value: object, minimum: int, maximum: int, error: type[AnyNetError] = SpecError
) -> int:
    """`value` as a plain int (NumPy integers included) from `minimum` to `maximum`.

    `where` begins the message. Raises `error` for anything else, booleans and floats included.
    """
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


def checked_size(where: str, size: object, error: type[AnyNetError] = SpecError) -> tuple[int, int]:
    """(height, width) in pixels, each from 1 to `MAX_SIDE`, of a side or of both."""
    given = tuple(size) if isinstance(size, tuple | list) else (size, size)
    if len(given) != 2:
        raise error(f"{where} must be a side or (height, width); got {shortened(size)}")
    height, width = (checked_integer(where, side, -MAX_SIDE, MAX_SIDE, error) for side in given)
    if min(height, width) < 1:
        raise error(f"{where} must be at least 1 pixel; got {height}x{width}")
    return height, width


def check_batch(batch_size: int, size: tuple[int, int]) -> None:
    """Raise `ConfigError` for images whose batch has more than `MAX_PIXELS` pixels."""
    pixels = batch_size * size[0] * size[1]
    if pixels > MAX_PIXELS:
        raise ConfigError(
            f"batch_size: images of a batch must have at most {MAX_PIXELS:,} pixels in all; got "
            f"{pixels:,}, {batch_size:,} of {size[0]}x{size[1]}"
        )


def checked_number(
    where: str,
    value: object,
    minimum: float,
    maximum: float,
    rule: str = "a finite number",
    error: type[AnyNetError] = SpecError,
) -> float:
    """`value` as a plain float from `minimum` to `maximum`; -0.0 becomes 0.0.

    `rule` says what it is at the minimum. Raises `error` for anything else, text and booleans
    included.
    """
    try:
        if isinstance(value, bool | np.bool_ | str | bytes | bytearray):
            raise TypeError
        number = float(cast(Any, value)) + 0.0
    except (TypeError, ValueError, OverflowError) as cause:
        raise error(f"{where} must be {rule}; got {shortened(value)}") from cause
    if not math.isfinite(number):
        raise error(f"{where} must be {rule}; got {number}")
    if number < minimum:
        raise error(f"{where} must be at least {minimum:,.7g}; got {shortened(value)}")
    if number > maximum:
        raise error(f"{where} must be at most {maximum:,.7g}; got {shortened(value)}")
    return number
