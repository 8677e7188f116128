"""The idx file format of the MNIST family: a magic number, sizes, then bytes."""

import gzip
import struct
import zlib
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from common.errors import DataError

_UNSIGNED_BYTE = 0x08
_MOST_DIMENSIONS = 4


def read_idx(path: str | Path) -> NDArray[np.uint8]:
    """Read an idx file of unsigned bytes, gzipped or plain, into an array of its own shape.

    Raises `DataError` naming the file when it is missing, truncated, corrupt or something else.
    """
    return decode_idx(read_content(path), str(path))


def read_content(path: str | Path) -> bytes:
    """The bytes of a file, unpacked if it is gzipped. Raises `DataError` naming the file."""
    try:
        data = Path(path).read_bytes()
        return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(
            f"{path}: must be a whole gzip file; got {error}; remove it and fetch it again"
        ) from error
    except OSError as error:
        raise DataError(f"{path}: must be readable; got {error}") from error


def decode_idx(data: bytes, where: str) -> NDArray[np.uint8]:
    """A new array of what the bytes of an idx file hold; `where` names them in a `DataError`."""
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] != _UNSIGNED_BYTE:
        raise DataError(f"{where}: must begin with 00 00 08; got {data[:4].hex(' ') or 'nothing'}")
    dimensions = data[3]
    start = 4 + 4 * dimensions
    if not 1 <= dimensions <= _MOST_DIMENSIONS or len(data) < start:
        raise DataError(
            f"{where}: must have a header of 1 to {_MOST_DIMENSIONS} sizes; "
            f"got {dimensions} in {len(data)} bytes"
        )
    shape = struct.unpack_from(f">{dimensions}I", data, 4)
    if len(data) - start != prod(shape):
        raise DataError(
            f"{where}: must hold {prod(shape):,} elements of shape {shape}; "
            f"got {len(data) - start:,} bytes"
        )
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape).copy()


def encode_idx(array: NDArray[np.uint8]) -> bytes:
    """The bytes of an idx file that holds `array`."""
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, _UNSIGNED_BYTE, array.ndim, *array.shape)
    return header + array.tobytes()
