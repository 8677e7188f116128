"""The files of Fashion-MNIST: where they are, and whether they are its own."""

import hashlib
import os
from pathlib import Path

from common.data.download import download
from common.data.idx import read_content
from common.data.sample import FOLDER as SAMPLE
from common.errors import DataError, shown

ADDRESS = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com"
"""Public URL of the data set; `$ANYNET_FASHION_MNIST_URL` replaces it."""

DIGESTS = {
    "train-images-idx3-ubyte.gz": (
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"
    ),
    "train-labels-idx1-ubyte.gz": (
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"
    ),
    "t10k-images-idx3-ubyte.gz": (
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"
    ),
    "t10k-labels-idx1-ubyte.gz": (
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"
    ),
}
"""SHA-256 of each file's decompressed content: gzip headers differ between mirrors."""

_LAYOUTS = ("", "raw", "FashionMNIST/raw")
"""Subdirectories of a named directory in which files are looked for; the last is torchvision's."""

SYSTEM = Path("/usr/share/datasets/fashion-mnist")
"""Directory of the Debian package dataset-fashion-mnist."""

_WORDS = ("auto", "full", "sample")
"""Sources that are names, not directories."""


def find_fashion_mnist(source: str | Path = "auto") -> Path:
    """Find the directory with the four files, each gzipped or not. Raises `DataError`.

    - `auto`, `full`: `$ANYNET_DATA` if it is set, else the user's cache or `/usr/share/datasets`;
      if neither has the files, they are downloaded into the cache.
    - `sample`: the sample in the package.
    - any other `source`: a directory with all four files, in itself, in `raw`, or in torchvision's
      `FashionMNIST/raw`.
    """
    if not isinstance(source, str | Path):
        raise DataError(f"data: must be auto, full, sample or a directory; got {shown(source)}")
    if str(source) == "sample":
        return SAMPLE
    if str(source) not in ("auto", "full"):
        return _named(Path(source), "data")
    if named := os.environ.get("ANYNET_DATA"):
        return _named(Path(named), "$ANYNET_DATA")
    cache = _cache()
    for folder in (cache, SYSTEM):
        if not _missing(folder):
            return folder
    download(os.environ.get("ANYNET_FASHION_MNIST_URL", ADDRESS), DIGESTS, cache)
    return cache


def holds_fashion_mnist(folder: Path) -> bool:
    """Whether a directory holds the four files, in a known layout, with the labels of the set.

    MNIST and others use the same file names.
    """
    for layout in _LAYOUTS:
        if not _missing(folder / layout):
            return _has_labels_of_the_set(folder / layout)
    return False


def _has_labels_of_the_set(folder: Path) -> bool:
    labels = [name for name in DIGESTS if "labels" in name]
    contents = [read_content(file_in(folder, name)) for name in labels]
    published = [hashlib.sha256(content).hexdigest() for content in contents]
    return published == [DIGESTS[name] for name in labels] or contents == [
        read_content(file_in(SAMPLE, name)) for name in labels
    ]


def absolute_source(source: str | Path) -> str:
    """`source` with a path made absolute, so that it is valid in any working directory."""
    return str(source) if str(source) in _WORDS else str(Path(source).absolute())


def _cache() -> Path:
    from platformdirs import user_cache_path

    return user_cache_path("anynet") / "fashion-mnist"


def _missing(folder: Path) -> list[str]:
    return [name for name in DIGESTS if not os.path.exists(file_in(folder, name))]


def file_in(folder: Path, name: str) -> Path:
    """Path of the gzipped file, or of the decompressed one if only that exists."""
    packed, plain = folder / name, folder / name.removesuffix(".gz")
    return plain if os.path.exists(plain) and not os.path.exists(packed) else packed


def _named(folder: Path, where: str) -> Path:
    for layout in _LAYOUTS:
        if not _missing(folder / layout):
            return folder / layout
    if not os.path.exists(folder):
        raise DataError(
            f"{where}: must be auto, full, sample, cifar10, cifar100, or an existing .npz file or "
            f"folder; got {shown(str(folder))}, which does not exist"
        )
    raise DataError(
        f"{where}: must name a directory with the four Fashion-MNIST files; "
        f"got {folder} without {', '.join(_missing(folder))}"
    )
