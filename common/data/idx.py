"""The idx file format of MNIST and its relatives: magic number, shape, elements."""

import gzip
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from common.errors import DataError
from common.files import open_regular, reading

MAX_BYTES = 256 << 20
"""Largest decompressed size in bytes: five times Fashion-MNIST's training images."""

_UNSIGNED_BYTE = 0x08
_MAX_DIMENSIONS = 4
_HEADER = 4 + 4 * _MAX_DIMENSIONS
_GZIP = b"\x1f\x8b"
_DENSEST = 1032
"""Highest compression ratio of DEFLATE."""


def read_idx(path: str | Path) -> NDArray[np.uint8]:
    """Read an idx file of unsigned bytes, gzipped or not, as a uint8 array of the stored shape.

    The header is checked before the elements are read. Raises `DataError` naming the file if it is
    missing, truncated, corrupt, larger than `MAX_BYTES`, or not an idx file.
    """
    where = str(path)
    with _opened(path) as (file, size):
        start, shape = _layout(file.read(_HEADER), where)
        length = start + prod(shape)
        if length > MAX_BYTES and length <= size:
            raise DataError(f"{path}: must hold at most {MAX_BYTES:,} bytes; got {length:,}")
        if length > size:
            got = "at most " if isinstance(file, gzip.GzipFile) else ""
            raise _unfit(where, shape, f"{got}{size - start:,} bytes")
        file.seek(0)
        return decode_idx(file.read(length + 1), where)


def read_content(path: str | Path) -> bytes:
    """The content of a file, decompressed if it is gzipped.

    Raises `DataError` naming the file if it cannot be read or has more than `MAX_BYTES`.
    """
    with _opened(path) as (file, size):
        content = file.read(min(size, MAX_BYTES) + 1)
    if len(content) > MAX_BYTES:
        raise DataError(f"{path}: must hold at most {MAX_BYTES:,} bytes; got more")
    return content


def decode_idx(data: bytes, where: str) -> NDArray[np.uint8]:
    """Decode the bytes of an idx file into a new array. Raises `DataError` naming `where`."""
    start, shape = _layout(data, where)
    if len(data) - start != prod(shape):
        raise _unfit(where, shape, f"{len(data) - start:,} bytes")
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape).copy()


def encode_idx(array: NDArray[np.uint8]) -> bytes:
    """Encode an array of at most 4 axes as the bytes of an idx file."""
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, _UNSIGNED_BYTE, array.ndim, *array.shape)
    return header + array.tobytes()


@contextmanager
def _opened(path: str | Path) -> Iterator[tuple[BinaryIO, int]]:
    """The decompressed file, and an upper bound of its size in bytes."""
    what, remedy = "a whole file, gzipped or plain", "remove it and fetch it again"
    with reading(path, what, DataError, remedy), open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        is_packed = file.read(len(_GZIP)) == _GZIP
        file.seek(0)
        if is_packed:
            with gzip.open(file) as unpacked:
                yield unpacked, size * _DENSEST  # type: ignore[misc]
        else:
            yield file, size


def _layout(data: bytes, where: str) -> tuple[int, tuple[int, ...]]:
    """Offset of the first element and shape of the array, from the header."""
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] != _UNSIGNED_BYTE:
        raise DataError(f"{where}: must begin with 00 00 08; got {data[:4].hex(' ') or 'nothing'}")
    dimensions = data[3]
    start = 4 + 4 * dimensions
    if not 1 <= dimensions <= _MAX_DIMENSIONS or len(data) < start:
        raise DataError(
            f"{where}: must have a header of 1 to {_MAX_DIMENSIONS} sizes; "
            f"got {dimensions} in {len(data)} bytes"
        )
    return start, struct.unpack_from(f">{dimensions}I", data, 4)


def _unfit(where: str, shape: tuple[int, ...], got: str) -> DataError:
    return DataError(f"{where}: must hold {prod(shape):,} elements of shape {shape}; got {got}")
