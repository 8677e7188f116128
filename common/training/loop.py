"""The training loop, once for every framework."""

import time
from collections.abc import Callable, Sequence
from typing import SupportsFloat

from common.data import ImageData
from common.training.callbacks import Callback
from common.training.checkpoint import Progress
from common.training.config import TrainConfig
from common.training.evaluate import LOWER, Evaluation, check_finite
from common.training.learner import Learner
from common.training.records import Row

Pending = tuple[SupportsFloat, SupportsFloat]
Keep = Callable[[Progress], None]
Validate = Callable[[], Evaluation]


def train(
    learner: Learner,
    data: ImageData,
    config: TrainConfig,
    callbacks: Sequence[Callback],
    progress: Progress,
    keep: Keep,
    last_epoch: int,
    validate: Validate,
) -> Evaluation:
    """Train to the end of `last_epoch`; what `validate` says after it.

    `keep` is called after each epoch, and after an interval when the last call was
    `checkpoint_every` seconds ago; all losses were finite then. Raises `TrainingError` naming the
    first step whose loss is not finite.
    """
    evaluation = None
    seldom = _Seldom(keep, config.checkpoint_every)
    while progress.step < last_epoch * progress.steps_per_epoch:
        _train_epoch(learner, data, config, callbacks, progress, seldom)
        evaluation = validate()
        check_finite(evaluation.loss, f"validation after step {progress.step}", LOWER)
        _tell(callbacks, _epoch_row(progress, config, evaluation))
        progress.begin_epoch()
        seldom.now(progress)
    return evaluation or validate()


def _train_epoch(
    learner: Learner,
    data: ImageData,
    config: TrainConfig,
    callbacks: Sequence[Callback],
    progress: Progress,
    keep: "_Seldom",
) -> None:
    """Send off the steps of one epoch; losses are fetched one interval at a time."""
    epoch, start = divmod(progress.step, progress.steps_per_epoch)
    pending: list[Pending] = []
    began = time.perf_counter()
    for images, labels in data.train_batches(config.seed, epoch, start):
        sent = progress.step + len(pending)
        rate = config.recipe.learning_rate(
            config.learning_rate, sent / progress.steps_per_epoch, config.epochs
        )
        pending.append(learner.train_step(images, labels, rate))
        for callback in callbacks:
            callback.on_step(sent + 1)
        if len(pending) == config.log_every or (sent + 1) % progress.steps_per_epoch == 0:
            losses, correct = _fetched(pending, progress.step)
            seconds = time.perf_counter() - began
            progress.add(losses, correct, seconds)
            _tell(callbacks, _interval_row(progress, config, losses, correct, seconds, rate))
            if progress.step % progress.steps_per_epoch:
                keep.when_due(progress)
            pending, began = [], time.perf_counter()


class _Seldom:
    """Calls `keep` when told, or when the last call was some seconds ago."""

    def __init__(self, keep: Keep, seconds: float) -> None:
        self._keep, self._seconds = keep, seconds
        self._last = time.monotonic()

    def now(self, progress: Progress) -> None:
        self._keep(progress)
        self._last = time.monotonic()

    def when_due(self, progress: Progress) -> None:
        if time.monotonic() - self._last >= self._seconds:
            self.now(progress)


def _interval_row(
    progress: Progress,
    config: TrainConfig,
    losses: list[float],
    correct: float,
    seconds: float,
    rate: float,
) -> Row:
    images = len(losses) * config.batch_size
    return {
        "kind": "interval",
        "step": progress.step,
        "epoch": progress.epoch,
        "loss": sum(losses) / len(losses),
        "accuracy": correct / images,
        "learning_rate": None if config.own_optimizer else rate,
        "images_per_second": images / seconds,
    }


def _fetched(pending: list[Pending], first_step: int) -> tuple[list[float], float]:
    """Wait for the losses and counts of an interval."""
    losses = []
    for number, (loss, _) in enumerate(pending, first_step + 1):
        losses.append(float(loss))
        check_finite(losses[-1], f"step {number}", LOWER)
    return losses, sum(float(correct) for _, correct in pending)


def _epoch_row(progress: Progress, config: TrainConfig, evaluation: Evaluation) -> Row:
    images = progress.steps_per_epoch * config.batch_size
    return {
        "kind": "epoch",
        "epoch": round(progress.epoch),
        "step": progress.step,
        "train_loss": progress.loss_sum / progress.steps_per_epoch,
        "train_accuracy": progress.correct / images,
        "val_loss": evaluation.loss,
        "val_accuracy": evaluation.accuracy,
        "seconds": progress.seconds,
        "images_per_second": images / progress.seconds,
    }


def _tell(callbacks: Sequence[Callback], row: Row) -> None:
    for callback in callbacks:
        callback.on_log(row)
