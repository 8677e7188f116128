"""NumPy's npz files: what their arrays are is read first, and the arrays when they are used."""

import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from numpy.lib import format as npy
from numpy.typing import NDArray

from common.errors import AnyNetError, WeightsError, shortened
from common.files import open_regular, reading

WHAT = "an npz file of arrays"
_MAX_ARRAYS = 100_000
_DENSEST, _SMALL = 64, 1 << 24
"""Bytes that are packed into one at the most, in a file that unpacks to more than the second."""


@dataclass(frozen=True)
class LazyArray:
    """An array in a file: what is known of it, and how to get it.

    `dtype` is NumPy's name of the type, or `bfloat16`, which `read` turns into float32.
    """

    shape: tuple[int, ...]
    dtype: str
    read: Callable[[], NDArray[Any]]


def read_npz(path: str | Path, error: type[AnyNetError] = WeightsError) -> dict[str, LazyArray]:
    """The arrays of an npz file by name.

    No Python object is unpickled, and what is larger than its file can explain is refused before
    it is unpacked. Raises `error` naming the file.
    """
    with reading(path, WHAT, error):
        with open_regular(path) as file:
            packed = file.seek(0, 2)
        archive = zipfile.ZipFile(path)  # which the arrays keep open until they are dropped
        members = archive.infolist()
        unpacked = sum(member.file_size for member in members)
        if len(members) > _MAX_ARRAYS or unpacked > max(_SMALL, _DENSEST * packed):
            raise error(
                f"{path}: must be {WHAT}; got {len(members):,} of {unpacked:,} bytes in a "
                f"file of {packed:,}"
            )
        return {
            member.filename.removesuffix(".npy"): _stored(path, archive, member, error)
            for member in members
        }


def _stored(
    path: str | Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo, error: type[AnyNetError]
) -> LazyArray:
    with archive.open(member) as file:
        version = npy.read_magic(file)
        headers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
        shape, _, dtype = headers[version](file)
        size = prod(shape) * dtype.itemsize
        if dtype.hasobject:
            raise ValueError("Object arrays cannot be loaded without unpickling them")
        if min(shape, default=0) < 0 or file.tell() + size != member.file_size:
            raise ValueError(f"{member.file_size:,} bytes for {shortened(member.filename)}")

    def read() -> NDArray[Any]:
        with reading(path, WHAT, error), archive.open(member) as file:
            array: NDArray[Any] = npy.read_array(file, allow_pickle=False)
            return array

    return LazyArray(shape, dtype.name, read)
