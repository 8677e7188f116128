"""The rows of a record: the keys of each kind, and how they are computed."""

import platform
from typing import Any, Final, NamedTuple

from common.data import ImageData
from common.installs import installed_version
from common.training.config import TrainConfig
from common.training.evaluate import Evaluation
from common.training.progress import Progress

FORMAT: Final = 1
"""Format of new records, stored in their `start` rows; records of version 0.1 have none."""

START: Final = "start"
INTERVAL: Final = "interval"
EPOCH: Final = "epoch"
END: Final = "end"
"""The four values of a row's `kind`."""

Row = dict[str, Any]
"""One line of `record.jsonl`; `kind` decides about its other keys."""


class Steps(NamedTuple):
    """Results of consecutive training steps.

    `losses` has one mean loss per step, `correct` is the number of correctly classified images in
    all of them, and `seconds` is the wall time that they took together.
    """

    losses: list[float]
    correct: float
    seconds: float


def start_row(framework: str, config: TrainConfig, data: ImageData, progress: Progress) -> Row:
    """What a run starts or resumes with; `framework` is the module of the framework."""
    return {
        "kind": START,
        "format": FORMAT,
        "backend": config.backend,
        "framework": " ".join(installed_version(framework) or [framework]),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "data": data.describe(),
        "train_images": len(data.train),
        "val_images": len(data.val),
        "steps_per_epoch": data.steps_per_epoch,
        "step": progress.step,
        "epochs": config.epochs,
        "seed": config.seed,
        **({"options": options} if (options := config.options()) else {}),
    }


def interval_row(config: TrainConfig, progress: Progress, steps: Steps, rate: float) -> Row:
    """Means over the `steps` that end at `progress`; `rate` is the last one's learning rate."""
    images = len(steps.losses) * config.batch_size
    return {
        "kind": INTERVAL,
        "step": progress.step,
        "epoch": progress.epoch,
        "loss": sum(steps.losses) / len(steps.losses),
        "accuracy": steps.correct / images,
        "learning_rate": None if config.own_optimizer else rate,
        "images_per_second": images / steps.seconds,
    }


def epoch_row(config: TrainConfig, progress: Progress, evaluation: Evaluation) -> Row:
    """Means over the epoch that ends at `progress`, and its validation."""
    images = progress.steps_per_epoch * config.batch_size
    return {
        "kind": EPOCH,
        "epoch": round(progress.epoch),
        "step": progress.step,
        "train_loss": progress.loss_sum / progress.steps_per_epoch,
        "train_accuracy": progress.correct / images,
        "val_loss": evaluation.loss,
        "val_accuracy": evaluation.accuracy,
        "seconds": progress.seconds,
        "images_per_second": images / progress.seconds,
    }


def end_row(evaluation: Evaluation, classes: tuple[str, ...]) -> Row:
    """The validation after the last epoch, by class."""
    return {"kind": END, **evaluation.to_dict(classes)}


def rows_of(rows: list[Row], kind: str) -> list[Row]:
    """The rows of one kind, in their order."""
    return [row for row in rows if row["kind"] == kind]


def best_epoch(rows: list[Row]) -> Row | None:
    """The first `epoch` row with the highest validation accuracy; `None` if there is no epoch."""
    epochs = rows_of(rows, EPOCH)
    return max(epochs, key=lambda row: float(row["val_accuracy"]), default=None)
