"""The shipped sample: 600 training and 100 test images of every class, drawn from the real set."""

import gzip
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from common.data.idx import encode_idx
from common.files import write_bytes

FOLDER = Path(__file__).with_name("sample")
"""Where the sample lies inside the package."""

PER_CLASS = {"train": 600, "t10k": 100}
"""Images of each class by the file prefix of their part."""


def draw_sample(labels: NDArray[np.uint8], per_class: int) -> NDArray[np.int64]:
    """Positions of the first `per_class` images of every class, in the set's own order."""
    chosen = [np.flatnonzero(labels == label)[:per_class] for label in np.unique(labels)]
    return np.sort(np.concatenate(chosen))


def write_idx(path: Path, array: NDArray[np.uint8]) -> None:
    """Write a gzipped idx file whose bytes depend on the array alone."""
    write_bytes(path, gzip.compress(encode_idx(array), 9, mtime=0))
