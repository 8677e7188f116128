"""Weights to start from: of this project or of another library, on this machine or remote."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from common.data import ImageDescription
from common.data.description import means_others
from common.errors import WeightsError, shortened, shown
from common.weights.files import load_description, load_weights
from common.weights.foreign.files import is_own, model_in
from common.weights.foreign.images import ForeignImages
from common.weights.foreign.transfer import ForeignCheckpoint, read_foreign
from common.weights.head import new_head, reordered_head
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


def starting_weights(
    name: str | Path, num_classes: int, seed: int, classes: Sequence[str] = ()
) -> ForeignCheckpoint:
    """Weights for training on `num_classes` classes, with a head for them.

    The head is the file's if it has as many classes, and not others by their names; its outputs are
    reordered if the names are in another order. Otherwise it is drawn from `seed`. `head` of the
    result says so, and `num_classes` are those of the file.

    - `name`: a weight file, a run directory, or a name that `fetch_weights` takes.
    - `classes`: the names of the data's classes, as far as they are known.

    Raises `WeightsError`.
    """
    path = local_path(name)
    if not os.path.exists(path):
        raise WeightsError(
            f"weights: must be a file, a run directory, or a name that begins with "
            f"{', '.join(PREFIXES)}; got {shown(str(name))}, which does not exist"
        )
    drawn = read_any(path, num_classes=num_classes, seed=seed)
    if drawn.num_classes != num_classes:
        had = drawn.num_classes or "none"
        return replace(drawn, head=f"drawn anew for {num_classes} classes; the file has {had}")
    kept = read_any(path)
    known = kept.images.images.classes if kept.images else ()
    if not means_others(known, classes):
        return kept
    had = f"{shortened(list(classes))}; the file has {shortened(list(known))}"
    if num_classes == len(known) and sorted(known) == sorted(classes):
        arrays = reordered_head(kept.arrays, [known.index(name) for name in classes])
        return replace(kept, arrays=arrays, head=f"its outputs reordered to {had}")
    return replace(drawn, head=f"drawn anew for the classes {had}")
