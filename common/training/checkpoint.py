"""Training state on disk: weights, momentum, and the position in the run."""

import math
from dataclasses import asdict, dataclass
from pathlib import Path

from common.arch import AnyNetSpec
from common.errors import WeightsError, shown
from common.files import reading
from common.weights import State, load_state, save_state


@dataclass
class Progress:
    """Where a run stands: steps done, and sums over the steps of the current epoch."""

    steps_per_epoch: int
    step: int = 0
    loss_sum: float = 0.0
    correct: float = 0.0
    seconds: float = 0.0

    @property
    def epoch(self) -> float:
        """Epochs done, as a fraction."""
        return self.step / self.steps_per_epoch

    def add(self, losses: list[float], correct: float, seconds: float) -> None:
        """Count an interval of steps."""
        self.step += len(losses)
        self.loss_sum += sum(losses)
        self.correct += correct
        self.seconds += seconds

    def begin_epoch(self) -> None:
        """Start the sums anew."""
        self.loss_sum = self.correct = self.seconds = 0.0


@dataclass(frozen=True)
class Position:
    """What a checkpoint holds besides arrays.

    Seed and `progress` give the place in the order of the data; `record_offset` is the length of
    the record in bytes at that place. Digests are those of the record up to there, of the settings
    that a resume must keep, and of the file of the best network; checkpoints of version 0.1 have
    none.
    """

    seed: int
    progress: Progress
    record_offset: int
    record_digest: str | None = None
    settings_digest: str | None = None
    best_digest: str | None = None


def save_checkpoint(path: Path, spec: AnyNetSpec, arrays: State, position: Position) -> None:
    """Write a learner's state and the position of its run, whole or not at all."""
    save_state(path, spec, arrays, asdict(position))


def load_checkpoint(path: Path) -> tuple[AnyNetSpec, State, Position]:
    """Read what `save_checkpoint` wrote. Raises `WeightsError` naming the file."""
    spec, arrays, training = load_state(path)
    with reading(path, "a checkpoint that says where its run stands", WeightsError):
        progress = Progress(**training["progress"])
        position = Position(
            training["seed"],
            progress,
            training["record_offset"],
            *(training.get(name) for name in _DIGESTS),
        )
        _check_numbers(position)
        return spec, arrays, position


_DIGESTS = ("record_digest", "settings_digest", "best_digest")


def _check_numbers(position: Position) -> None:
    counts = (position.seed, position.record_offset, position.progress.step)
    if any(type(value) is not int or value < 0 for value in counts):
        raise ValueError(f"counts {counts}")
    per_epoch = position.progress.steps_per_epoch
    if type(per_epoch) is not int or per_epoch < 1:
        raise ValueError(f"steps_per_epoch {shown(per_epoch)}")
    sums = (position.progress.loss_sum, position.progress.correct, position.progress.seconds)
    if any(not isinstance(value, int | float) or not math.isfinite(value) for value in sums):
        raise ValueError(f"sums {sums}")
    digests = [getattr(position, name) for name in _DIGESTS]
    if any(not isinstance(value, str | None) for value in digests):
        raise ValueError(f"digests {digests}")
