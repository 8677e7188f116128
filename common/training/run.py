"""The directory of a run: what `anynet train --out` leaves, and what a resume reads."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from common.arch import AnyNetSpec
from common.errors import ConfigError
from common.files import remove_leftovers, write_text
from common.training.checkpoint import Position, Progress, load_checkpoint, save_checkpoint
from common.training.config import TrainConfig
from common.training.curves import save_curves
from common.training.records import RecordFile, Row, best_epoch, read_record
from common.weights import MOMENTUM, State, save_weights

CONFIG = "config.json"
RECORD = "record.jsonl"
CHECKPOINT = "checkpoint.safetensors"
MODEL = "model.safetensors"
BEST = "best.safetensors"
CURVES = "curves.png"


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
        self._best_accuracy = -1.0
        self._is_best = False

    def begin(self) -> None:
        """Start a new run. Raises `ConfigError` when the directory already holds one."""
        if (self.path / CONFIG).exists():
            raise ConfigError(
                f"{self.path}: must not hold a run yet; got one; "
                "resume it or name another directory"
            )
        self.path.mkdir(parents=True, exist_ok=True)
        self._open(0)

    def resume(self, steps_per_epoch: int) -> tuple[State | None, Progress]:
        """Go on from the checkpoint: the state and where it stands.

        A run that was killed before its first checkpoint has no state and begins anew. Epochs,
        device, logging and even the framework may change; whatever else decides the weights must
        be as it was. Raises `ConfigError` or `WeightsError`.
        """
        before = read_config(self.path)
        free = ("backend", "epochs", "device", "log_every", "checkpoint_every", "data")
        same = replace(before, **{name: getattr(self._config, name) for name in free})
        if same != self._config:
            raise ConfigError(
                f"{self.path}: a resumed run must keep its settings; got changed ones"
            )
        if not (self.path / CHECKPOINT).exists():
            self._open(0)
            return None, Progress(steps_per_epoch)
        spec, state, position = load_checkpoint(self.path / CHECKPOINT)
        if (spec, position.seed) != (self._spec, self._config.seed):
            raise ConfigError(
                f"{self.path}: must hold one run; got a checkpoint of another network or seed"
            )
        if position.progress.steps_per_epoch != steps_per_epoch:
            raise ConfigError(
                f"{self.path}: a resumed run must keep its data; got {steps_per_epoch} steps per "
                f"epoch, not {position.progress.steps_per_epoch}"
            )
        self._open(position.record_offset)
        return state, position.progress

    def _open(self, offset: int) -> None:
        self._record = RecordFile(self.path / RECORD, offset)
        remove_leftovers(self.path)
        before = best_epoch(read_record(self.path / RECORD))
        self._best_accuracy = before["val_accuracy"] if before else -1.0
        write_text(self.path / CONFIG, self._config.to_json())

    def keep(self, state: State, progress: Progress) -> None:
        """Write the checkpoint, and the network where it is the best so far after an epoch."""
        assert self._record is not None
        if self._is_best:  # first, for a run that is killed in between repeats this epoch's end
            self._save(BEST, state)
            self._is_best = False
        position = Position(self._config.seed, progress, self._record.offset)
        save_checkpoint(self.path / CHECKPOINT, self._spec, state, position)

    def finish(self, state: State) -> None:
        """Write the trained network and the picture."""
        self._save(MODEL, state)
        title = f"{self._config.backend}, {self.path.name}"
        save_curves(read_record(self.path / RECORD), self.path / CURVES, title)

    def _save(self, name: str, state: State) -> None:
        weights = {
            key: array.astype(np.float32)
            for key, array in state.items()
            if not key.endswith(MOMENTUM)
        }
        save_weights(self.path / name, self._spec, weights)

    def advance(self, step: int) -> None:
        """Single steps are not recorded."""

    def record(self, row: Row) -> None:
        """Append a row to the record."""
        assert self._record is not None
        self._record.write(row)
        if row["kind"] == "epoch" and row["val_accuracy"] > self._best_accuracy:
            self._best_accuracy, self._is_best = row["val_accuracy"], True

    def close(self) -> None:
        """Close the record."""
        if self._record is not None:
            self._record.close()
