"""Optimizer settings and learning rate schedule, the same in every framework."""

import math
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

from common.bounds import MAX_EPOCHS, MAX_RATE
from common.errors import ConfigError, shortened
from common.numbers import FieldChecker

Schedule = Literal["constant", "cosine"]

WARMUP_START = 0.1
"""Fraction of the learning rate at the first step of a warm-up, as in pycls."""


@dataclass(frozen=True)
class Recipe:
    """Stochastic gradient descent in PyTorch's convention.

    With gradient g, weight w and learning rate lr:

        g = g + weight_decay * w
        buf = momentum * buf + g
        w = w - lr * (g + momentum * buf if nesterov else buf)

    Raises `ConfigError`.

    - `momentum`: from 0 to below 1.
    - `nesterov`: whether momentum is Nesterov's.
    - `weight_decay`: of all trainable arrays, including those of batch norms and biases, as in
      pycls.
    - `warmup_epochs`: epochs, or a fraction of one, in which the rate rises linearly.
    - `schedule`: `constant`, or `cosine` for half a period from the base rate to 0.
    - `label_smoothing`: share s of each target that is spread over all K classes, from 0 to below
      1: the label's probability is 1 - s + s / K (Szegedy et al., 2016). Validation losses are
      without it.
    """

    momentum: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0
    warmup_epochs: float = 0.0
    schedule: Schedule = "constant"
    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        check = FieldChecker(self, ConfigError, ":")
        check.number("momentum", 0, 1, "at least 0 and below 1", lambda value: 0 <= value < 1)
        check.boolean("nesterov")
        if self.nesterov and not self.momentum:
            raise ConfigError("nesterov: needs a momentum above 0; got 0; add --momentum 0.9")
        check.number("weight_decay", 0, MAX_RATE, "at least 0")
        check.number("warmup_epochs", 0, MAX_EPOCHS, "at least 0")
        check.choice("schedule", get_args(Schedule))
        check.number(
            "label_smoothing", 0, 1, "at least 0 and below 1", lambda value: 0 <= value < 1
        )

    def learning_rate(self, base: float, epoch: float, max_epochs: float) -> float:
        """Learning rate of a step.

        The rate changes with each step, as in the RegNet paper.

        - `base`: the rate before schedule and warm-up.
        - `epoch`: epochs done when the step starts, such as 1.5.
        - `max_epochs`: epochs of the whole run.
        """
        rate = base
        if self.schedule == "cosine":
            rate *= 0.5 * (1 + math.cos(math.pi * epoch / max_epochs))
        if epoch < self.warmup_epochs:
            rate *= WARMUP_START + (1 - WARMUP_START) * epoch / self.warmup_epochs
        return rate

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain data for JSON; those that version 0.1 lacks, unless at defaults."""
        always = ("momentum", "nesterov", "weight_decay", "warmup_epochs", "schedule")
        usual = {field.name: field.default for field in fields(self)}
        values = asdict(self)
        return {n: v for n, v in values.items() if n in always or v != usual[n]}


CHAPTER_RECIPE = Recipe()
"""Plain SGD at a constant rate (chapter section 8.8.4)."""

REGNET_RECIPE = Recipe(0.9, True, 5e-5, 5.0, "cosine")
"""Training of the RegNet paper (section 5, appendix D) and pycls."""

POPULATION_RECIPE = Recipe(0.9, True, 5e-5, 0.5, "cosine")
"""The RegNet paper's recipe with a warm-up of half an epoch, for populations and short runs."""

CIFAR_RECIPE = Recipe(0.9, True, 5e-4, 0.0, "cosine")
"""Training of pycls' ResNets on CIFAR-10 (configs/archive/cifar/resnet)."""

FINETUNE_RECIPE = Recipe(0.9, True, 1e-5, 0.5, "cosine", label_smoothing=0.1)
"""For trained weights on new data: a short warm-up, little weight decay, smoothed labels."""

RECIPES = {
    "chapter": CHAPTER_RECIPE,
    "regnet": REGNET_RECIPE,
    "population": POPULATION_RECIPE,
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
