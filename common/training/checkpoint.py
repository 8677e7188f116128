"""Training state on disk: weights, momentum, and the position in the run."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.errors import WeightsError
from common.files import write_bytes

FORMAT = "anynet-training-state"


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


def save_checkpoint(
    path: Path, arrays: dict[str, NDArray[Any]], progress: Progress, record_offset: int
) -> None:
    """Write a learner's state, the progress and the record's length, whole or not at all."""
    from safetensors.numpy import save

    arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    position = {"progress": asdict(progress), "record_offset": record_offset}
    write_bytes(path, save(arrays, {FORMAT: json.dumps(position)}))


def load_checkpoint(path: Path) -> tuple[dict[str, NDArray[Any]], Progress, int]:
    """Read what `save_checkpoint` wrote. Raises `WeightsError` naming the file."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="numpy") as file:
            metadata = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if FORMAT not in metadata:
            raise ValueError(f"metadata without {FORMAT}")
        position = json.loads(metadata[FORMAT])
        return arrays, Progress(**position["progress"]), int(position["record_offset"])
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"{path}: must be a training state; got {error}") from error
