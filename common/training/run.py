"""The directory of a run: what `anynet train --out` writes and `--resume` reads."""

import math
from pathlib import Path

from common.arch import AnyNetSpec
from common.data import ImageData, ImageDescription
from common.errors import ConfigError, shortened
from common.files import check_writable, leftovers, read_text, remove_leftovers, write_text
from common.marks import is_ours
from common.plotting import save_curves
from common.plotting.figure import warn_of_figure
from common.training.best import BestNetwork, network_contents
from common.training.callbacks import Callback
from common.training.checkpoint import Position, load_checkpoint, save_checkpoint
from common.training.config import TrainConfig
from common.training.progress import Progress
from common.training.records import RecordFile, read_record
from common.training.rows import Row, best_epoch
from common.weights import State, load_description
from common.weights.files import write_contents

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
    """Raise `ConfigError` unless a new run can use the directory `path`: it is new or empty.

    Files of a run that was killed before it wrote its config are ignored.
    """
    check_writable(path)
    if not path.exists():
        return
    if not path.is_dir():
        raise ConfigError(f"{path}: must be a directory; got another kind of file")
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


class RunDirectory(Callback):
    """A callback that writes the files of one run, each atomically.

    `earlier` has the rows of a resumed run up to its checkpoint.
    """

    def __init__(
        self,
        path: Path,
        config: TrainConfig,
        spec: AnyNetSpec,
        images: ImageDescription | None = None,
        images_digest: str | None = None,
    ) -> None:
        self.path = path
        self._config = config
        self._spec, self._images = spec, images
        self._images_digest = images_digest
        self.earlier: list[Row] = []
        self._record: RecordFile | None = None
        self._best = BestNetwork(path / BEST, spec, images)

    @classmethod
    def of(
        cls, path: Path, config: TrainConfig, images: ImageDescription | None, data: ImageData
    ) -> "RunDirectory":
        """The directory `path` of a run. Raises `ConfigError` unless its config has a spec.

        `data` may have a method `fingerprint`, as `SourceData` does.
        """
        if config.spec is None:
            raise ConfigError(
                "out: needs a model with a spec that describes it, such as AnyNet; got one without "
                "or with layers of its own; leave it out, and keep get_weights(trainer.network)"
            )
        fingerprint = getattr(data, "fingerprint", None)
        return cls(path, config, config.spec, images, fingerprint and fingerprint())

    def begin(self) -> None:
        """Start a new run. Raises `ConfigError` if the directory holds anything."""
        check_free(self.path)
        self.path.mkdir(parents=True, exist_ok=True)
        self._open_record()
        self._commit()

    def resume(self, steps_per_epoch: int) -> tuple[State | None, Progress]:
        """The learner's state at the checkpoint, and how far the run was.

        The state is `None` for a run that was killed before its first checkpoint: it starts again.
        Only the settings in `RESUMABLE` may have changed. Raises `ConfigError` or `WeightsError`
        for other changes, and if config, record, checkpoint or best network do not have the digests
        that the run wrote; no file is changed then.
        """
        self._check_replaceable()
        before = read_config(self.path)
        self._check_settings(before)
        if not (self.path / CHECKPOINT).exists():
            self._open_record()
            self._commit()
            return None, Progress(steps_per_epoch)
        spec, state, position = load_checkpoint(self.path / CHECKPOINT)
        if (spec, position.seed) != (self._spec, self._config.seed):
            raise ConfigError(
                f"{self.path}: must hold one run; got a checkpoint of another network or seed"
            )
        self._check_position(position, before, steps_per_epoch)
        self._check_images(position)
        record = self._open_record(position.record_offset, position.record_digest)
        self.earlier = record.rows
        best = best_epoch(record.rows)
        if best is not None:
            self._best.resume(best, state, position)
        self._commit()
        return state, position.progress

    def _check_replaceable(self) -> None:
        """Raise `ConfigError` if a file that the run will replace was not written by a run."""
        for path in (self.path / name for name in (MODEL, BEST, CURVES)):
            if path.exists() and not (path.is_file() and (is_ours(path) or _is_old_figure(path))):
                raise ConfigError(
                    f"{path}: must not exist, or be a file of the run; got another file; "
                    "move it away"
                )

    def _check_settings(self, before: TrainConfig) -> None:
        """Raise `ConfigError` for changes that a resumed run may not have."""
        now = self._config
        if before.own_optimizer != now.own_optimizer:
            raise ConfigError(
                f"{self.path}: must continue with the optimizer that it started with; got "
                f"{'the recipe' if before.own_optimizer else 'configure_optimizers'}; "
                "resume it with Trainer.fit and a model of the same class"
            )
        if before.own_optimizer and before.backend != now.backend:
            raise ConfigError(
                f"{self.path}: a run with configure_optimizers must keep its framework, "
                f"{before.backend}; got {now.backend}"
            )
        if changed := now.changes_since(before):
            raise ConfigError(
                f"{self.path}: a resumed run must keep its settings; got another value for "
                f"{', '.join(changed)}"
            )

    def _check_position(
        self, position: Position, before: TrainConfig, steps_per_epoch: int
    ) -> None:
        """Raise `ConfigError` unless the checkpoint fits the config beside it, and the data."""
        if position.settings_digest not in (None, before.settings_digest()):
            raise ConfigError(
                f"{self.path / CONFIG}: must have the settings that its checkpoint was made with; "
                "got others; take it from a copy"
            )
        if (done := math.ceil(position.progress.epoch)) > self._config.epochs:
            raise ConfigError(
                f"{self.path}: epochs must be at least those begun, {done}; got "
                f"{self._config.epochs}; it is the number of epochs in all"
            )
        if position.progress.steps_per_epoch != steps_per_epoch:
            raise ConfigError(
                f"{self.path}: a resumed run must keep its data; got {steps_per_epoch} steps per "
                f"epoch, not {position.progress.steps_per_epoch}"
            )

    def _check_images(self, position: Position) -> None:
        """Raise `ConfigError` if the data has other classes, or other inputs, than the run had."""
        before, now = load_description(self.path / CHECKPOINT), self._images
        if before is not None and now is not None and before != now:
            what = "classes" if before.classes != now.classes else "preprocessing"
            old, new = (shortened(getattr(images, what)) for images in (before, now))
            raise ConfigError(
                f"{self.path}: a resumed run must keep the {what} of its images, {old}; got {new}"
            )
        if self._images_digest is None or position.images_digest is None:
            return
        if self._images_digest != position.images_digest:
            raise ConfigError(
                f"{self.path}: a resumed run must keep its images; got files or arrays that have "
                "changed since its checkpoint; take them from a copy, or start anew"
            )

    def _open_record(self, offset: int = 0, digest: str | None = None) -> RecordFile:
        self._record = RecordFile(self.path / RECORD, offset, digest)
        return self._record

    def _commit(self) -> None:
        """Change files, now that all checks have passed."""
        assert self._record is not None
        self._record.cut()
        remove_leftovers(self.path, _FILES)
        write_text(self.path / CONFIG, self._config.to_json())

    def keep(self, state: State, progress: Progress) -> None:
        """Write the checkpoint, and the best network if the last epoch was the best."""
        assert self._record is not None
        best = self._best.serialize(state)
        position = Position(
            self._config.seed,
            progress,
            self._record.offset,
            self._record.digest,
            self._config.settings_digest(),
            self._best.digest,
            self._images_digest,
        )
        save_checkpoint(self.path / CHECKPOINT, self._spec, state, position, self._images)
        if best is not None:
            self._best.write(best)

    def finish(self, state: State) -> None:
        """Write the trained network."""
        path = self.path / MODEL
        write_contents(path, network_contents(path, self._spec, state, self._images))

    def draw(self) -> None:
        """Write the figure of the curves; if that fails, only warn, as the run is complete."""
        try:
            title = f"{self._config.backend}, {self.path.name}"
            save_curves(read_record(self.path / RECORD), self.path / CURVES, title)
        except Exception as error:  # whatever Matplotlib and the file system raise
            warn_of_figure(str(self.path / CURVES), error)

    def on_log(self, row: Row) -> None:
        """Append a row to the record."""
        assert self._record is not None
        self._record.write(row)
        self._best.see(row)

    def close(self) -> None:
        """Close the record."""
        if self._record is not None:
            self._record.close()


def _is_old_figure(path: Path) -> bool:
    """Whether a file is a figure of version 0.1, which has Matplotlib's mark and none of ours."""
    return path.name == CURVES and b"tEXtSoftware\0Matplotlib" in path.read_bytes()[:128]
