"""The directory of a run: what `anynet train --out` leaves, and what a resume reads."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from common.arch import AnyNetSpec
from common.errors import ConfigError
from common.files import check_writable, leftovers, read_text, remove_leftovers, write_text
from common.marks import is_ours
from common.plotting import save_curves
from common.plotting.figure import warn_of_figure
from common.training.checkpoint import Position, Progress, load_checkpoint, save_checkpoint
from common.training.config import RESUMABLE, TrainConfig
from common.training.records import RecordFile, Row, best_epoch, read_record
from common.weights import State, is_weight, load_weights
from common.weights.files import Contents, file_digest, weights_contents, write_contents

CONFIG = "config.json"
RECORD = "record.jsonl"
CHECKPOINT = "checkpoint.safetensors"
MODEL = "model.safetensors"
BEST = "best.safetensors"
CURVES = "curves.png"

_FILES = (CONFIG, RECORD, CHECKPOINT, MODEL, BEST, CURVES)


def read_config(path: str | Path) -> TrainConfig:
    """The config of the run in directory `path`. Raises `ConfigError`."""
    file = Path(path) / CONFIG
    if not file.exists():
        raise ConfigError(f"{path}: must be the directory of a run; got no {CONFIG} in it")
    return TrainConfig.from_json(read_text(file, "the config of a run", ConfigError), str(file))


def check_free(path: Path) -> None:
    """Raise `ConfigError` unless a new run may make `path` its directory: new, or empty.

    What a run leaves that was killed before it had a config does not count.
    """
    check_writable(path)
    if not path.exists():
        return
    if not path.is_dir():
        raise ConfigError(f"{path}: must be a directory; got something else")
    if (path / CONFIG).exists():
        raise ConfigError(
            f"{path}: must not hold a run yet; got one; resume it or name another directory"
        )
    ours = {file.name for file in leftovers(path, _FILES)}
    if (path / RECORD).is_file() and not (path / RECORD).stat().st_size:
        ours.add(RECORD)
    found = sorted(file.name for file in path.iterdir() if file.name not in ours)
    if found:
        more = f" and {len(found) - 1} more" if len(found) > 1 else ""
        raise ConfigError(
            f"{path}: must be new or empty for a new run; got one that holds {found[0]}{more}; "
            "name another directory"
        )


def _is_old_picture(path: Path) -> bool:
    """Whether a file is a picture as version 0.1 wrote it, without a mark of its own."""
    return path.name == CURVES and b"tEXtSoftware\0Matplotlib" in path.read_bytes()[:128]


class RunDirectory:
    """Watches one run and writes its files, each whole or not at all."""

    def __init__(self, path: Path, config: TrainConfig, spec: AnyNetSpec) -> None:
        self.path = path
        self._config = config
        self._spec = spec
        self._record: RecordFile | None = None
        self._best_accuracy = -1.0
        self._best_digest: str | None = None
        self._is_best = False

    def begin(self) -> None:
        """Start a new run. Raises `ConfigError` when the directory holds anything."""
        check_free(self.path)
        self.path.mkdir(parents=True, exist_ok=True)
        self._open(0)
        self._start()

    def resume(self, steps_per_epoch: int) -> tuple[State | None, Progress]:
        """Go on from the checkpoint: the state and where it stands.

        A run that was killed before its first checkpoint has no state and begins anew. Epochs,
        device, logging and even the framework may change; whatever else decides the weights must
        be as it was, and so must config, record, checkpoint and best network, as their digests
        tell. Raises `ConfigError` or `WeightsError`.
        """
        self._check_written()
        before = read_config(self.path)
        self._check_optimizer(before)
        same = replace(before, **{name: getattr(self._config, name) for name in RESUMABLE})
        if same != self._config:
            raise ConfigError(
                f"{self.path}: a resumed run must keep its settings; got changed ones"
            )
        if not (self.path / CHECKPOINT).exists():
            self._open(0)
            self._start()
            return None, Progress(steps_per_epoch)
        spec, state, position = load_checkpoint(self.path / CHECKPOINT)
        if (spec, position.seed) != (self._spec, self._config.seed):
            raise ConfigError(
                f"{self.path}: must hold one run; got a checkpoint of another network or seed"
            )
        if position.settings_digest not in (None, before.settings_digest()):
            raise ConfigError(
                f"{self.path / CONFIG}: must have the settings that its checkpoint was made with; "
                "got others; take it from a copy"
            )
        if position.progress.steps_per_epoch != steps_per_epoch:
            raise ConfigError(
                f"{self.path}: a resumed run must keep its data; got {steps_per_epoch} steps per "
                f"epoch, not {position.progress.steps_per_epoch}"
            )
        record = self._open(position.record_offset, position.record_digest)
        self._resume_best(best_epoch(record.rows), state, position)
        self._start()
        return state, position.progress

    def _check_optimizer(self, before: TrainConfig) -> None:
        """Raise `ConfigError` unless the run goes on with the optimizer that it began with."""
        now = self._config
        if before.own_optimizer != now.own_optimizer:
            raise ConfigError(
                f"{self.path}: must go on with the optimizer that it began with; got "
                f"{'the recipe' if before.own_optimizer else 'configure_optimizers'}; "
                "resume it by Trainer.fit, with a model of the same class"
            )
        if before.own_optimizer and before.backend != now.backend:
            raise ConfigError(
                f"{self.path}: a run with configure_optimizers must keep its framework, "
                f"{before.backend}; got {now.backend}"
            )

    def _check_written(self) -> None:
        """Raise `ConfigError` where a file would be replaced that no run wrote."""
        for path in (self.path / name for name in (MODEL, BEST, CURVES)):
            if path.exists() and not (path.is_file() and (is_ours(path) or _is_old_picture(path))):
                raise ConfigError(
                    f"{path}: must be free or a file of the run; got another; move it away"
                )

    def _open(self, offset: int, digest: str | None = None) -> RecordFile:
        self._record = RecordFile(self.path / RECORD, offset, digest)
        return self._record

    def _start(self) -> None:
        """Nothing can be refused any more: bring the files to where the run begins or goes on."""
        assert self._record is not None
        self._record.cut()
        remove_leftovers(self.path, _FILES)
        write_text(self.path / CONFIG, self._config.to_json())

    def _resume_best(self, best: Row | None, state: State, position: Position) -> None:
        """Check the network of the best epoch, or write it again where the checkpoint has it."""
        if best is None:
            return
        self._best_accuracy, self._best_digest = best["val_accuracy"], position.best_digest
        path, is_state = self.path / BEST, best["step"] == position.progress.step
        if not path.exists():
            found = "got no such file; " + (
                "written again from the checkpoint"
                if is_state
                else "the run goes on without it, until an epoch is better"
            )
            print(f"{path}: must hold the network after epoch {best['epoch']}; {found}",
                  file=sys.stderr)  # fmt: skip
        elif load_weights(path)[0] != self._spec:
            raise ConfigError(f"{path}: must be of the run's network; got another")
        elif position.best_digest in (None, file_digest(path)):
            return
        elif not is_state:
            raise ConfigError(
                f"{path}: must hold the network after epoch {best['epoch']}; got another; "
                "take it from a copy, or delete it to go on without it"
            )
        if is_state:  # also after a kill between writing the checkpoint and this file
            contents = self._contents(BEST, state)
            self._best_digest = contents.digest
            write_contents(path, contents)

    def keep(self, state: State, progress: Progress) -> None:
        """Write the checkpoint, and the network where it is the best so far after an epoch."""
        assert self._record is not None
        best = self._contents(BEST, state) if self._is_best else None
        if best is not None:
            self._best_digest = best.digest
        position = Position(
            self._config.seed,
            progress,
            self._record.offset,
            self._record.digest,
            self._config.settings_digest(),
            self._best_digest,
        )
        save_checkpoint(self.path / CHECKPOINT, self._spec, state, position)
        if best is not None:  # last, for a run that is killed in between finds it in the checkpoint
            write_contents(self.path / BEST, best)
            self._is_best = False

    def finish(self, state: State) -> None:
        """Write the trained network."""
        write_contents(self.path / MODEL, self._contents(MODEL, state))

    def draw(self) -> None:
        """Write the picture, or a warning: the run is done and needs none."""
        try:
            title = f"{self._config.backend}, {self.path.name}"
            save_curves(read_record(self.path / RECORD), self.path / CURVES, title)
        except Exception as error:  # whatever Matplotlib and the file system raise
            warn_of_figure(str(self.path / CURVES), error)

    def _contents(self, name: str, state: State) -> Contents:
        weights = {key: array.astype(np.float32) for key, array in state.items() if is_weight(key)}
        return weights_contents(self.path / name, self._spec, weights)

    def on_step(self, step: int) -> None:
        """Single steps are not recorded."""

    def on_log(self, row: Row) -> None:
        """Append a row to the record."""
        assert self._record is not None
        self._record.write(row)
        if row["kind"] == "epoch" and row["val_accuracy"] > self._best_accuracy:
            self._best_accuracy, self._is_best = row["val_accuracy"], True

    def close(self) -> None:
        """Close the record."""
        if self._record is not None:
            self._record.close()
