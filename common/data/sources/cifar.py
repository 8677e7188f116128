"""CIFAR-10 and CIFAR-100 (Krizhevsky, 2009), read from disk or downloaded."""

import os
import pickle
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from common.data.download import download
from common.data.sources.arrays import ArraySource
from common.data.sources.split import Split, check_split
from common.errors import DataError
from common.files import read_bytes, reading

ADDRESS: Final = "https://www.cs.toronto.edu/~kriz"
"""Public URL of both archives; `$ANYNET_CIFAR_URL` replaces it."""

_SIDE, _CHANNELS = 32, 3
_PIXELS = _CHANNELS * _SIDE * _SIDE
_MAX_BYTES: Final = 1 << 28
"""Largest size of a file; that of CIFAR-100's training images is 155 million bytes."""


@dataclass(frozen=True)
class CIFAR:
    """Files of one of the two data sets.

    - `name`: of the data set.
    - `archive`, `digest`: name and SHA-256 of the archive to download.
    - `python`, `binary`: of each layout, the directory, training files and test file.
    - `meta`: file of class names in the Python layout, its key, and the file in the binary layout.
    - `label`: key of the labels in the Python layout.
    - `bytes_before`: bytes before each image in the binary layout; the last one is the label.
    """

    name: str
    archive: str
    digest: str
    python: tuple[str, tuple[str, ...], str]
    binary: tuple[str, tuple[str, ...], str]
    meta: tuple[str, str, str]
    label: str
    bytes_before: int


CIFAR_10: Final = CIFAR(
    "CIFAR-10",
    "cifar-10-python.tar.gz",
    "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
    ("cifar-10-batches-py", tuple(f"data_batch_{n}" for n in range(1, 6)), "test_batch"),
    ("cifar-10-batches-bin", tuple(f"data_batch_{n}.bin" for n in range(1, 6)), "test_batch.bin"),
    ("batches.meta", "label_names", "batches.meta.txt"),
    "labels",
    1,
)
"""60,000 colour images of 32x32 pixels in 10 classes."""

CIFAR_100: Final = CIFAR(
    "CIFAR-100",
    "cifar-100-python.tar.gz",
    "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7",
    ("cifar-100-python", ("train",), "test"),
    ("cifar-100-binary", ("train.bin",), "test.bin"),
    ("meta", "fine_label_names", "fine_label_names.txt"),
    "fine_labels",
    2,
)
"""60,000 colour images of 32x32 pixels in 100 classes."""


def read_cifar(which: CIFAR, source: str | Path = "auto") -> Split:
    """Read training and test images of CIFAR from its Python or binary files.

    With `auto`, the files are looked for in `$ANYNET_DATA` and the user's cache; if neither has
    them, the archive is downloaded into the cache. Any other `source` is the directory of the files
    or its parent. Pickled files are read by an unpickler that can only make arrays and plain
    values. Raises `DataError`.
    """
    folder, is_python = _find(which, source)
    _, train_files, test_file = which.python if is_python else which.binary
    classes = _class_names(which, folder, is_python)
    parts = []
    for part, files in (("train", train_files), ("test", (test_file,))):
        read = [_read(which, folder / file, is_python) for file in files]
        images = np.concatenate([images for images, _ in read])
        labels = np.concatenate([labels for _, labels in read])
        parts.append(ArraySource(images, labels, classes, f"{which.name} in {folder}: {part}"))
    split = Split(*parts)
    check_split(split, which.name)
    return split


def holds_cifar(which: CIFAR, folder: str | Path) -> bool:
    """Whether a directory, or one in it, has the files of CIFAR."""
    return _files_in(which, Path(folder)) is not None


def _find(which: CIFAR, source: str | Path) -> tuple[Path, bool]:
    """Directory of the files, and whether their layout is the Python one."""
    if str(source) != "auto":
        found = _files_in(which, Path(source))
    else:
        places = [Path(named)] if (named := os.environ.get("ANYNET_DATA")) else []
        cache = _cache()
        places += [cache]
        found = next((files for place in places if (files := _files_in(which, place))), None)
        if found is None:
            url = os.environ.get("ANYNET_CIFAR_URL", ADDRESS)
            download(url, {which.archive: which.digest}, cache)
            _unpack(which, cache)
            found = _files_in(which, cache)
    if found is None:
        wanted = f"{which.python[0]} or {which.binary[0]}"
        raise DataError(f"data: must be a directory with {wanted} of {which.name}; got {source}")
    return found


def _files_in(which: CIFAR, folder: Path) -> tuple[Path, bool] | None:
    for is_python, (name, train, test) in ((True, which.python), (False, which.binary)):
        for place in (folder / name, folder):
            if all((place / file).is_file() for file in (*train, test)):
                return place, is_python
    return None


def _cache() -> Path:
    from platformdirs import user_cache_path

    return user_cache_path("anynet") / "cifar"


def _unpack(which: CIFAR, folder: Path) -> None:
    """Extract the files from the archive, each atomically."""
    from common.files import write_bytes

    directory, train, test = which.python
    with (
        reading(folder / which.archive, "an archive of CIFAR"),
        tarfile.open(folder / which.archive) as archive,
    ):
        (folder / directory).mkdir(exist_ok=True)
        for name in (*train, test, which.meta[0]):
            member = archive.extractfile(f"{directory}/{name}")
            if member is None:
                raise ValueError(f"no file {directory}/{name}")
            write_bytes(folder / directory / name, member.read(_MAX_BYTES))


def _read(which: CIFAR, path: Path, is_python: bool) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Images uint8 (N, 3, 32, 32) and labels int32 (N,) of one file."""
    content = read_bytes(path, f"a file of {which.name}", max_bytes=_MAX_BYTES)
    with reading(path, f"a file of {which.name}"):
        if is_python:
            items = _unpickled(content)
            pixels, labels = np.asarray(items["data"]), np.asarray(items[which.label])
        else:
            rows = np.frombuffer(content, np.uint8).reshape(-1, which.bytes_before + _PIXELS)
            pixels, labels = rows[:, which.bytes_before :], rows[:, which.bytes_before - 1]
        if pixels.dtype != np.uint8 or pixels.shape != (len(labels), _PIXELS):
            raise ValueError(f"images of shape {pixels.shape} and {len(labels)} labels")
        return pixels.reshape(-1, _CHANNELS, _SIDE, _SIDE), labels.astype(np.int32)


def _class_names(which: CIFAR, folder: Path, is_python: bool) -> tuple[str, ...] | None:
    """Class names in the order of the labels, or `None` without their file."""
    python_file, key, binary_file = which.meta
    path = folder / (python_file if is_python else binary_file)
    if not path.is_file():
        return None
    content = read_bytes(path, f"class names of {which.name}")
    with reading(path, f"class names of {which.name}"):
        if is_python:
            return tuple(map(str, _unpickled(content)[key]))
        return tuple(line for line in content.decode().splitlines() if line)


class _NumbersOnly(pickle.Unpickler):
    """An unpickler of NumPy arrays and plain values that cannot run other code."""

    _ALLOWED = frozenset({
        ("numpy", "ndarray"), ("numpy", "dtype"),
        ("numpy.core.multiarray", "_reconstruct"), ("numpy._core.multiarray", "_reconstruct"),
        ("_codecs", "encode"),
    })  # fmt: skip

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self._ALLOWED:
            raise pickle.UnpicklingError(f"{module}.{name}, which no file of CIFAR holds")
        return super().find_class(module.replace("_core", "core") if _is_old() else module, name)


def _is_old() -> bool:
    return np.__version__.startswith("1.")


def _unpickled(content: bytes) -> dict[str, Any]:
    import io

    found = _NumbersOnly(io.BytesIO(content), encoding="latin1").load()
    if not isinstance(found, dict):
        raise ValueError(f"a {type(found).__name__} and not a dictionary")
    return dict(_with_text(found))


def _with_text(items: dict[Any, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in items.items():
        yield key.decode() if isinstance(key, bytes) else str(key), value
