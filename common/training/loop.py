"""The training loop, shared by all frameworks."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, SupportsFloat

from common.data import ImageData
from common.data.image_data import checked_batches
from common.errors import DataError
from common.training.batches import train_batches
from common.training.callbacks import Callback, Observer
from common.training.config import TrainConfig
from common.training.evaluate import LOWER, Evaluation, check_finite
from common.training.learner import Learner
from common.training.progress import Progress
from common.training.rows import Row, Steps, epoch_row, interval_row

Pending = tuple[SupportsFloat, SupportsFloat]
"""Loss and number of correct images of a step that may still be running."""


def _discard(progress: Progress) -> None:
    """Keep no checkpoint."""


@dataclass
class TrainingLoop:
    """Trains one network: steps, validation after each epoch, and whom to tell.

    - `learner`: the network being trained.
    - `data`: its training batches, in the order of `config.seed`.
    - `config`: number of epochs, learning rate and its schedule, steps between two `interval` rows,
      seconds between two checkpoints.
    - `validate`: evaluates the network, after each epoch.
    - `callbacks`: told of each step that is dispatched and of each row.
    - `user_callbacks`: told of the same, of rows only when `callbacks` have taken them and the
      checkpoint that follows them is written.
    - `keep`: writes a checkpoint. It is called after each epoch, and within an epoch at the end of
      an interval if the last call was `config.checkpoint_every` seconds ago. All losses up to then
      are finite.
    """

    learner: Learner
    data: ImageData
    config: TrainConfig
    validate: Callable[[], Evaluation]
    callbacks: Sequence[Observer] = ()
    user_callbacks: Sequence[Callback] = ()
    keep: Callable[[Progress], None] = _discard
    _last_kept: float = field(default=0.0, init=False)
    _untold: list[Row] = field(default_factory=list, init=False)

    def run(self, progress: Progress, last_epoch: int | None = None) -> Evaluation:
        """Train from `progress`, which is updated, to the end of `last_epoch`.

        Without `last_epoch`, train for `config.epochs`. Returns the last validation. Raises
        `TrainingError` naming the first step whose loss is not finite, and `DataError` if an epoch
        has other batches than the data says.
        """
        epochs = self.config.epochs if last_epoch is None else last_epoch
        evaluation = None
        self._last_kept = time.monotonic()
        while progress.step < epochs * progress.steps_per_epoch:
            self._train_epoch(progress)
            evaluation = self.validate()
            check_finite(evaluation.loss, f"validation after step {progress.step}", LOWER)
            self.log(epoch_row(self.config, progress, evaluation))
            progress.begin_epoch()
            self._keep(progress)
            self.tell()
        return evaluation or self.validate()

    def log(self, row: Row) -> None:
        """Pass a row to `callbacks`, and keep it for `tell`."""
        for callback in self.callbacks:
            callback.on_log(row)
        self._untold.append(row)

    def tell(self) -> None:
        """Pass the rows since the last call to `user_callbacks`."""
        rows, self._untold = self._untold, []
        for row in rows:
            for callback in self.user_callbacks:
                callback.on_log(row)

    def _train_epoch(self, progress: Progress) -> None:
        """Train to the end of the epoch in which `progress` is.

        Steps are dispatched without waiting for them: losses are fetched once per interval.
        """
        epoch, start = divmod(progress.step, progress.steps_per_epoch)
        pending: list[Pending] = []
        observers = (*self.callbacks, *self.user_callbacks)
        began = time.perf_counter()
        for images, labels, *shares in self._batches(epoch, start):
            dispatched = progress.step + len(pending)
            rate = self.config.rate_at(dispatched / progress.steps_per_epoch)
            pending.append(self.learner.train_step(images, labels, rate, *shares))
            dispatched += 1
            for callback in observers:
                callback.on_step(dispatched)
            is_last = dispatched % progress.steps_per_epoch == 0
            if len(pending) == self.config.log_every or is_last:
                losses, correct = _fetched(pending, progress.step)
                steps = Steps(losses, correct, time.perf_counter() - began)
                progress.add(*steps)
                self.log(interval_row(self.config, progress, steps, rate))
                if not is_last:
                    self._keep_if_due(progress)
                    self._tell_or_keep(progress)
                pending, began = [], time.perf_counter()

    def _tell_or_keep(self, progress: Progress) -> None:
        """`tell` within an epoch; an error in it is raised once a checkpoint is written."""
        try:
            self.tell()
        except Exception:
            self._keep(progress)
            raise

    def _batches(self, epoch: int, start: int) -> Iterator[tuple[Any, ...]]:
        """The training batches of an epoch from `start` on, checked for number and size."""
        size, number = self.data.batch_size, start
        batches = train_batches(self.learner, self.data, self.config.seed, epoch, start)
        for batch in checked_batches(self.data, batches):
            shape = batch[0].shape
            if shape[:1] != (size,):
                raise DataError(
                    f"data: training batches must have batch_size images, {size}; got "
                    f"{shape[0] if shape else 1} in batch {number} of epoch {epoch}"
                )
            yield batch
            number += 1
            if number == self.data.steps_per_epoch:
                return
        raise DataError(
            f"data: an epoch must have steps_per_epoch batches, {self.data.steps_per_epoch}; got "
            f"{number} in epoch {epoch}"
        )

    def _keep(self, progress: Progress) -> None:
        within = progress.step % progress.steps_per_epoch
        if within and not getattr(self.data, "resumes_within_epoch", True):
            return
        self.keep(progress)
        self._last_kept = time.monotonic()

    def _keep_if_due(self, progress: Progress) -> None:
        if time.monotonic() - self._last_kept >= self.config.checkpoint_every:
            self._keep(progress)


def _fetched(pending: list[Pending], first_step: int) -> tuple[list[float], float]:
    """Wait for the losses and the number of correct images of the steps after `first_step`."""
    losses = []
    for number, (loss, _) in enumerate(pending, first_step + 1):
        losses.append(float(loss))
        check_finite(losses[-1], f"step {number}", LOWER)
    return losses, sum(float(correct) for _, correct in pending)
