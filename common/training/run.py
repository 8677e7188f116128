"""The directory of a run: what `anynet train --out` leaves, and what a resume reads."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.arch import AnyNetSpec
from common.errors import ConfigError, WeightsError
from common.files import write_text
from common.training.checkpoint import Progress, load_checkpoint, save_checkpoint
from common.training.config import TrainConfig
from common.training.curves import save_curves
from common.training.records import RecordFile, Row, read_record
from common.weights import save_weights

State = dict[str, NDArray[Any]]

CONFIG = "config.json"
RECORD = "record.jsonl"
CHECKPOINT = "checkpoint.safetensors"
MODEL = "model.safetensors"
CURVES = "curves.png"

MOMENTUM = ".momentum"
"""Ending of the name of an array's momentum buffer in a learner's state."""


def read_config(path: str | Path) -> TrainConfig:
    """The config of the run in directory `path`. Raises `ConfigError`."""
    file = Path(path) / CONFIG
    try:
        text = file.read_text()
    except OSError as error:
        raise ConfigError(f"{path}: must be the directory of a run; got {error}") from error
    return TrainConfig.from_json(text, str(file))


class RunDirectory:
    """Watches one run and writes its files, each whole or not at all."""

    def __init__(self, path: Path, config: TrainConfig, spec: AnyNetSpec) -> None:
        self.path = path
        self._config = config
        self._spec = spec
        self._record: RecordFile | None = None

    def begin(self) -> None:
        """Start a new run. Raises `ConfigError` when the directory already holds one."""
        if (self.path / RECORD).exists():
            raise ConfigError(
                f"{self.path}: must not hold a run yet; got one; "
                "resume it or name another directory"
            )
        self.path.mkdir(parents=True, exist_ok=True)
        self._open(0)

    def resume(self, steps_per_epoch: int) -> tuple[State, Progress]:
        """Go on from the checkpoint: the state and where it stands.

        Epochs, device, logging and even the framework may change; whatever else decides the
        weights must be as it was. Raises `ConfigError` or `WeightsError`.
        """
        before = read_config(self.path)
        free = ("backend", "epochs", "device", "log_every", "data")
        same = replace(before, **{name: getattr(self._config, name) for name in free})
        if same != self._config:
            raise ConfigError(
                f"{self.path}: a resumed run must keep its settings; got changed ones"
            )
        state, progress, offset = load_checkpoint(self.path / CHECKPOINT)
        if progress.steps_per_epoch != steps_per_epoch:
            raise ConfigError(
                f"{self.path}: a resumed run must keep its data; got {steps_per_epoch} steps per "
                f"epoch, not {progress.steps_per_epoch}"
            )
        try:
            self._open(offset)
        except OSError as error:
            raise WeightsError(f"{self.path / RECORD}: must be writable; got {error}") from error
        return state, progress

    def _open(self, offset: int) -> None:
        write_text(self.path / CONFIG, self._config.to_json())
        self._record = RecordFile(self.path / RECORD, offset)

    def keep(self, state: State, progress: Progress) -> None:
        """Write the checkpoint."""
        assert self._record is not None
        save_checkpoint(self.path / CHECKPOINT, state, progress, self._record.offset)

    def finish(self, state: State) -> None:
        """Write the trained network and the picture."""
        weights = {
            name: array.astype(np.float32)
            for name, array in state.items()
            if not name.endswith(MOMENTUM)
        }
        save_weights(self.path / MODEL, self._spec, weights)
        title = f"{self._config.backend}, {self.path.name}"
        save_curves(read_record(self.path / RECORD), self.path / CURVES, title)

    def advance(self, step: int) -> None:
        """Single steps are not recorded."""

    def record(self, row: Row) -> None:
        """Append a row to the record."""
        assert self._record is not None
        self._record.write(row)

    def close(self) -> None:
        """Close the record."""
        if self._record is not None:
            self._record.close()
