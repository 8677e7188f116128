"""The sample of Fashion-MNIST in the package: 600 training and 100 test images per class."""

import gzip
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from common.data.idx import encode_idx
from common.files import write_bytes

FOLDER = Path(__file__).with_name("sample")
"""Directory of the sample's files."""

PER_CLASS = {"train": 600, "t10k": 100}
"""Images per class, by the prefix of the files of training and test images."""


def draw_sample(labels: NDArray[np.uint8], per_class: int) -> NDArray[np.int64]:
    """Sorted indices, int64, of the first `per_class` images of each class."""
    chosen = [np.flatnonzero(labels == label)[:per_class] for label in np.unique(labels)]
    return np.sort(np.concatenate(chosen))


def write_idx(path: Path, array: NDArray[np.uint8]) -> None:
    """Write a gzipped idx file reproducibly: without a time stamp."""
    write_bytes(path, gzip.compress(encode_idx(array), 9, mtime=0))
