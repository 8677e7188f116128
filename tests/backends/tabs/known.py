"""What is known of a tab as the chapter leaves it: docs/differences.md."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Known:
    """Numbers of one tab; an error is the largest one, relative to the largest logit.

    `epsilon` is what batch norms add to the variance. `new_weight` is how much the new batch counts
    in a running statistic, and `momentum_weight` the same where `momentum` is 0.1. `unbiased` says
    that variances are averaged with the factor n / (n - 1). `draw` is the rule by which kernels are
    drawn. `levels` is the largest error of a resized image, in units of 1/255, `None` where the
    tab cannot resize here. `slipped` says that its `stage` makes later blocks too wide.
    """

    epsilon: float
    padding_error: float
    epsilon_error: float
    new_weight: float
    momentum_weight: float
    unbiased: bool
    statistics_error: float
    draw: Literal["xavier", "lecun", "torch"]
    draws_biases: bool
    levels: float | None
    slipped: bool = False
