"""How far a run is."""

from dataclasses import dataclass


@dataclass
class Progress:
    """Steps done since the run began, and sums over the steps of the current epoch.

    `loss_sum` adds the steps' mean losses, `correct` counts correctly classified training images,
    and `seconds` is the wall time of training, without validation.
    """

    steps_per_epoch: int
    step: int = 0
    loss_sum: float = 0.0
    correct: float = 0.0
    seconds: float = 0.0

    @property
    def epoch(self) -> float:
        """Epochs done, such as 1.5."""
        return self.step / self.steps_per_epoch

    def add(self, losses: list[float], correct: float, seconds: float) -> None:
        """Add the results of consecutive steps, one loss for each."""
        self.step += len(losses)
        self.loss_sum += sum(losses)
        self.correct += correct
        self.seconds += seconds

    def begin_epoch(self) -> None:
        """Reset the sums."""
        self.loss_sum = self.correct = self.seconds = 0.0
