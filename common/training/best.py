"""`best.safetensors`: the network after the epoch with the highest validation accuracy."""

import sys
from pathlib import Path

import numpy as np

from common.arch import AnyNetSpec
from common.data.description import ImageDescription
from common.errors import ConfigError
from common.training.checkpoint import Position
from common.training.rows import EPOCH, Row
from common.weights import State, load_weights, shown_weights
from common.weights.files import Contents, file_digest, weights_contents, write_contents


def network_contents(
    path: Path, spec: AnyNetSpec, state: State, images: ImageDescription | None
) -> Contents:
    """The float32 weights of a learner's state, averaged if it has averages, to be written."""
    weights = {key: array.astype(np.float32) for key, array in shown_weights(state).items()}
    return weights_contents(path, spec, weights, images)


class BestNetwork:
    """Tracks which epoch was the best, and writes its network.

    The file is written after the checkpoint of the same epoch, which has its digest. A run that is
    killed between the two can therefore restore the file from the checkpoint.
    """

    def __init__(self, path: Path, spec: AnyNetSpec, images: ImageDescription | None) -> None:
        self.digest: str | None = None
        self._path, self._spec, self._images = path, spec, images
        self._accuracy = -1.0
        self._is_new = False

    def see(self, row: Row) -> None:
        """Note whether this row reports a new highest accuracy."""
        if row["kind"] == EPOCH and row["val_accuracy"] > self._accuracy:
            self._accuracy, self._is_new = row["val_accuracy"], True

    def serialize(self, state: State) -> Contents | None:
        """The file of a new best network, whose digest is in `digest` from now on.

        `None` if the last epoch was not the best.
        """
        if not self._is_new:
            return None
        contents = network_contents(self._path, self._spec, state, self._images)
        self.digest = contents.digest
        return contents

    def write(self, contents: Contents) -> None:
        """Write what `serialize` returned, atomically."""
        write_contents(self._path, contents)
        self._is_new = False

    def resume(self, row: Row, state: State, position: Position) -> None:
        """Continue from a checkpoint; `row` is the best epoch of its record.

        The file must have the checkpoint's digest. It is restored from `state` if the checkpoint is
        of the best epoch. Otherwise a missing file is reported on the standard error stream. Raises
        `ConfigError` for the file of another network.
        """
        self._accuracy, self.digest = row["val_accuracy"], position.best_digest
        can_restore = row["step"] == position.progress.step
        if self._is_intact(f"hold the network after epoch {row['epoch']}", can_restore):
            return
        if can_restore:
            contents = network_contents(self._path, self._spec, state, self._images)
            self.digest = contents.digest
            write_contents(self._path, contents)

    def _is_intact(self, rule: str, can_restore: bool) -> bool:
        if not self._path.exists():
            found = (
                "written again from the checkpoint"
                if can_restore
                else "the run continues without it until an epoch is better"
            )
            print(f"{self._path}: must {rule}; got no such file; {found}", file=sys.stderr)
            return False
        if load_weights(self._path)[0] != self._spec:
            raise ConfigError(f"{self._path}: must hold the run's network; got another one")
        if self.digest in (None, file_digest(self._path)):
            return True
        if not can_restore:
            raise ConfigError(
                f"{self._path}: must {rule}; got another one; take it from a copy, or delete "
                "it to continue without it"
            )
        return False
