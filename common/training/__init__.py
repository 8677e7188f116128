"""Training without a framework: recipes, the loop, records and run directories."""

from common.training.callbacks import Callback, ProgressBar
from common.training.config import Device, Precision, TrainConfig
from common.training.devices import (
    check_devices,
    check_precision,
    checked_gpu,
    room_for_data,
    uses_gpu,
)
from common.training.evaluate import Evaluation, evaluate
from common.training.freezing import check_freeze, frozen_parts
from common.training.inputs import StepInputs
from common.training.learner import (
    Learner,
    as_preprocessing,
    check_rate,
    check_settings,
    own_optimizer,
    refuse_optimizer,
)
from common.training.loggers import CSVLogger, TensorBoardLogger
from common.training.parallel import check_parts, filled
from common.training.precise_bn import renew_statistics
from common.training.recipe import CHAPTER_RECIPE, RECIPES, REGNET_RECIPE, Recipe
from common.training.recipes import RECIPE_DEFAULTS, RecipeDefaults
from common.training.records import read_record
from common.training.rows import Row
from common.training.run import read_config
from common.training.trainer import Trainer

__all__ = [
    "CHAPTER_RECIPE",
    "RECIPES",
    "RECIPE_DEFAULTS",
    "REGNET_RECIPE",
    "CSVLogger",
    "Callback",
    "Device",
    "Evaluation",
    "Learner",
    "Precision",
    "ProgressBar",
    "Recipe",
    "RecipeDefaults",
    "Row",
    "StepInputs",
    "TensorBoardLogger",
    "TrainConfig",
    "Trainer",
    "as_preprocessing",
    "check_devices",
    "check_freeze",
    "check_parts",
    "check_precision",
    "check_rate",
    "check_settings",
    "checked_gpu",
    "evaluate",
    "filled",
    "frozen_parts",
    "own_optimizer",
    "read_config",
    "read_record",
    "refuse_optimizer",
    "renew_statistics",
    "room_for_data",
    "uses_gpu",
]
