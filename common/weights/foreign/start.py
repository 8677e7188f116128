"""Weights to start from: of this project or of another library, on this machine or remote."""

import os
from pathlib import Path

from common.data import ImageDescription
from common.errors import WeightsError, shown
from common.weights.files import load_description, load_weights
from common.weights.foreign.files import is_own, model_in
from common.weights.foreign.images import ForeignImages
from common.weights.foreign.transfer import ForeignCheckpoint, read_foreign
from common.weights.head import new_head
from common.weights.hub import PREFIXES, local_path

_OWN = "anynet"


def read_any(
    path: str | Path,
    averaged: bool | None = None,
    num_classes: int | None = None,
    seed: int = 0,
) -> ForeignCheckpoint:
    """`read_foreign` for files of this project, too. Raises `WeightsError`."""
    path = Path(path)
    path = model_in(path) if os.path.isdir(path) else path
    if not is_own(path):
        return read_foreign(path, averaged, num_classes, seed)
    if averaged:
        raise WeightsError(f"averaged: {path} must hold averaged weights; got only plain ones")
    spec, arrays = load_weights(path)
    found, old = load_description(path), spec.num_classes
    if num_classes is not None:
        spec, arrays = new_head(spec, arrays, num_classes, seed)
        found = None if found is None else ImageDescription(found.preprocessing, ())
    images = None if found is None else ForeignImages(found, "as the file says")
    return ForeignCheckpoint(_OWN, spec, arrays, num_classes=old, images=images)


def starting_weights(name: str | Path, num_classes: int, seed: int) -> ForeignCheckpoint:
    """Weights for training on `num_classes` classes; the head is new if it has other ones.

    - `name`: a weight file, a run directory, or a name that `fetch_weights` takes.
    - `num_classes`: those of the data. `num_classes` of the result are those of the file.
    - `seed`: draws a new head.

    Raises `WeightsError`.
    """
    path = local_path(name)
    if not os.path.exists(path):
        raise WeightsError(
            f"weights: must be a file, a run directory, or a name that begins with "
            f"{', '.join(PREFIXES)}; got {shown(str(name))}, which does not exist"
        )
    found = read_any(path, num_classes=num_classes, seed=seed)
    return read_any(path) if found.num_classes == num_classes else found
