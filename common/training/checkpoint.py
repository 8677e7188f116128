"""`checkpoint.safetensors`: what a run needs to continue exactly where it was."""

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from common.arch import AnyNetSpec
from common.data.description import ImageDescription
from common.errors import WeightsError, shown
from common.files import reading
from common.training.progress import Progress
from common.weights import State, load_state, save_state


@dataclass(frozen=True)
class Position:
    """What a checkpoint holds besides the learner's arrays.

    The digests are XXH3-128, and `None` in checkpoints of version 0.1.

    - `seed`, `progress`: determine the next batch.
    - `record_offset`, `record_digest`: length in bytes and digest of the record at this moment.
    - `settings_digest`: of the settings that a resumed run must keep.
    - `best_digest`: of the file of the best network so far.
    - `images_digest`: of the images, as far as the data tells.
    """

    seed: int
    progress: Progress
    record_offset: int
    record_digest: str | None = None
    settings_digest: str | None = None
    best_digest: str | None = None
    images_digest: str | None = None


_DIGESTS: Final = ("record_digest", "settings_digest", "best_digest", "images_digest")


def save_checkpoint(
    path: Path,
    spec: AnyNetSpec,
    arrays: State,
    position: Position,
    images: ImageDescription | None = None,
) -> None:
    """Write a learner's state and its position atomically."""
    told = asdict(position)
    if position.images_digest is None:  # as in files of version 0.1
        del told["images_digest"]
    save_state(path, spec, arrays, told, images)


def load_checkpoint(path: Path) -> tuple[AnyNetSpec, State, Position]:
    """Read what `save_checkpoint` wrote. Raises `WeightsError` naming the file."""
    spec, arrays, training = load_state(path)
    with reading(path, "a checkpoint that says where its run stands", WeightsError):
        position = Position(
            training["seed"],
            Progress(**training["progress"]),
            training["record_offset"],
            *(training.get(name) for name in _DIGESTS),
        )
        _check_types(position)
        return spec, arrays, position


def _check_types(position: Position) -> None:
    counts = (position.seed, position.record_offset, position.progress.step)
    if any(type(value) is not int or value < 0 for value in counts):
        raise ValueError(f"counts {shown(counts)}")
    per_epoch = position.progress.steps_per_epoch
    if type(per_epoch) is not int or per_epoch < 1:
        raise ValueError(f"steps_per_epoch {shown(per_epoch)}")
    sums = (position.progress.loss_sum, position.progress.correct, position.progress.seconds)
    if any(not isinstance(value, int | float) or not math.isfinite(value) for value in sums):
        raise ValueError(f"sums {shown(sums)}")
    digests = [getattr(position, name) for name in _DIGESTS]
    if any(not isinstance(value, str | None) for value in digests):
        raise ValueError(f"digests {shown(digests)}")
