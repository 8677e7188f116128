"""Optimizer settings and learning rate schedule, the same in every framework."""

import math
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

from common.bounds import MAX_EPOCHS, MAX_RATE, MIN_EPSILON
from common.errors import ConfigError, shortened
from common.numbers import FieldChecker
from common.weights import MOMENTS, MOMENTUM

Optimizer = Literal["sgd", "adamw"]

Schedule = Literal["constant", "cosine"]

_MAX_DECAY = 0.999999
"""Largest decay of an average: in float32 its complement still has digits."""

WARMUP_START = 0.1
"""Fraction of the learning rate at the first step of a warm-up, as in pycls."""


@dataclass(frozen=True)
class Recipe:
    """What a step does to the weights: SGD or AdamW in PyTorch's convention, and the schedule.

    With gradient g, weight w and learning rate lr, `sgd` is

        g = g + weight_decay * w
        buf = momentum * buf + g
        w = w - lr * (g + momentum * buf if nesterov else buf)

    and `adamw`, in its step t from 1 on (Loshchilov and Hutter, 2019), is

        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g^2
        w = w - lr * weight_decay * w
        w = w - lr * (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon)

    With `clip_norm`, all gradients are multiplied by min(1, clip_norm / norm) before that, where
    norm is the square root of the sum of all their squares. With `ema_decay` d, each step ends with

        average = average + (1 - d) * (w - average)

    for every weight and running statistic, as in timm's `ModelEmaV2`; averages begin as the initial
    weights. The averaged network is the one that is validated and saved as the run's result.

    Raises `ConfigError`, also for a setting of the other optimizer.

    - `momentum`: from 0 to below 1.
    - `nesterov`: whether momentum is Nesterov's.
    - `weight_decay`: of all trainable arrays, including those of batch norms and biases, as in
      pycls.
    - `warmup_epochs`: epochs, or a fraction of one, in which the rate rises linearly.
    - `schedule`: `constant`, or `cosine` for half a period from the base rate to 0.
    - `label_smoothing`: share s of each target that is spread over all K classes, from 0 to below
      1: the label's probability is 1 - s + s / K (Szegedy et al., 2016). Validation losses are
      without it.
    - `optimizer`: `sgd`, or `adamw`, which takes neither `momentum` nor `nesterov`.
    - `beta1`, `beta2`: from 0 to below 1, and `epsilon`: above 0; of `adamw`.
    - `clip_norm`: largest norm of the gradient; 0 for any.
    - `ema_decay`: from 0 to below 1; 0 for no average.
    - `epochwise`: whether the rate changes with each epoch, as in pycls, and not with each step.
    """

    momentum: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0
    warmup_epochs: float = 0.0
    schedule: Schedule = "constant"
    label_smoothing: float = 0.0
    optimizer: Optimizer = "sgd"
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    clip_norm: float = 0.0
    ema_decay: float = 0.0
    epochwise: bool = False

    def __post_init__(self) -> None:
        check = FieldChecker(self, ConfigError, ":")
        check.number("momentum", 0, 1, "at least 0 and below 1", lambda value: 0 <= value < 1)
        check.boolean("nesterov")
        check.boolean("epochwise")
        if self.nesterov and not self.momentum:
            raise ConfigError("nesterov: needs a momentum above 0; got 0; add --momentum 0.9")
        check.number("weight_decay", 0, MAX_RATE, "at least 0")
        check.number("warmup_epochs", 0, MAX_EPOCHS, "at least 0")
        check.choice("schedule", get_args(Schedule))
        check.number(
            "label_smoothing", 0, 1, "at least 0 and below 1", lambda value: 0 <= value < 1
        )
        check.choice("optimizer", get_args(Optimizer))
        for name in ("beta1", "beta2", "ema_decay"):
            check.number(name, 0, _MAX_DECAY, "at least 0 and below 1", lambda v: 0 <= v < 1)
        check.number("epsilon", MIN_EPSILON, MAX_RATE, "above 0", lambda value: value > 0)
        check.number(
            "clip_norm", 0, MAX_RATE, f"0, or at least {MIN_EPSILON}",
            lambda value: value <= 0 or value >= MIN_EPSILON,
        )  # fmt: skip
        self._check_optimizer()

    def _check_optimizer(self) -> None:
        """Raise `ConfigError` for a setting that the chosen optimizer does not have."""
        others = {"sgd": ("beta1", "beta2", "epsilon"), "adamw": ("momentum", "nesterov")}
        usual = {item.name: item.default for item in fields(self)}
        given = [name for name in others[self.optimizer] if getattr(self, name) != usual[name]]
        if given:
            raise ConfigError(
                f"optimizer: {self.optimizer} has no {' or '.join(others[self.optimizer])}; got "
                f"{', '.join(f'{name} {getattr(self, name)}' for name in given)}; leave it out, or "
                "choose the other optimizer"
            )

    @property
    def buffers(self) -> tuple[str, ...]:
        """Suffixes of the names of the optimizer's arrays in a training state."""
        if self.optimizer == "adamw":
            return MOMENTS
        return (MOMENTUM,) if self.momentum else ()

    def learning_rate(self, base: float, epoch: float, max_epochs: float) -> float:
        """Learning rate of a step.

        The rate changes with each step, or with each epoch if the recipe is `epochwise`.

        - `base`: the rate before schedule and warm-up.
        - `epoch`: epochs done when the step starts, such as 1.5.
        - `max_epochs`: epochs of the whole run.
        """
        if self.epochwise:
            epoch = math.floor(epoch + 1e-9)
        rate = base
        if self.schedule == "cosine":
            rate *= 0.5 * (1 + math.cos(math.pi * epoch / max_epochs))
        if epoch < self.warmup_epochs:
            rate *= WARMUP_START + (1 - WARMUP_START) * epoch / self.warmup_epochs
        return rate

    def options(self) -> dict[str, Any]:
        """The fields that version 0.1 lacks, if they are set."""
        usual = {item.name: item.default for item in fields(self) if item.name not in _FIRST}
        return {n: value for n in usual if (value := getattr(self, n)) != usual[n]}

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain data for JSON; those that version 0.1 lacks only if they are set."""
        return {name: getattr(self, name) for name in _FIRST} | self.options()


_FIRST = ("momentum", "nesterov", "weight_decay", "warmup_epochs", "schedule")
"""Fields that every config has, so that configs of the usual recipes stay the same bytes."""


CHAPTER_RECIPE = Recipe()
"""Plain SGD at a constant rate (chapter section 8.8.4)."""

REGNET_RECIPE = Recipe(0.9, True, 5e-5, 5.0, "cosine")
"""Training of the RegNet paper (section 5, appendix D) and pycls."""

POPULATION_RECIPE = Recipe(0.9, True, 5e-5, 0.5, "cosine")
"""The RegNet paper's recipe with a warm-up of half an epoch, for populations and short runs."""

PYCLS_POPULATION_RECIPE = Recipe(0.9, True, 5e-5, 0.0, "cosine", epochwise=True)
"""Training of populations in pycls: a cosine without warm-up that changes with each epoch.

A study with this recipe draws the initial weights by `he` and validates with precise batch norm
over 8,192 images, as pycls does.
"""

CIFAR_RECIPE = Recipe(0.9, True, 5e-4, 0.0, "cosine")
"""Training of pycls' ResNets on CIFAR-10 (configs/archive/cifar/resnet)."""

FINETUNE_RECIPE = Recipe(0.9, True, 1e-5, 0.5, "cosine", label_smoothing=0.1)
"""For trained weights on new data: a short warm-up, little weight decay, smoothed labels."""

RECIPES = {
    "chapter": CHAPTER_RECIPE,
    "regnet": REGNET_RECIPE,
    "population": POPULATION_RECIPE,
    "pycls-population": PYCLS_POPULATION_RECIPE,
    "imagenet": REGNET_RECIPE,
    "cifar": CIFAR_RECIPE,
    "finetune": FINETUNE_RECIPE,
}
"""Recipes by their names on the command line; `RECIPE_DEFAULTS` has what some set besides."""


def check_recipe(recipe: object) -> Recipe:
    """Return `recipe`. Raises `ConfigError` unless it is a `Recipe`."""
    if not isinstance(recipe, Recipe):
        raise ConfigError(f"recipe: must be a Recipe; got {shortened(recipe)}")
    return recipe
