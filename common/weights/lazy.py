"""Memory-mapped safetensors files, whose arrays are read when they are used."""

import json
import mmap
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.errors import WeightsError
from common.files import open_regular, reading
from common.npz import LazyArray

_DTYPES = {"F64": "f8", "F32": "f4", "F16": "f2", "I64": "i8", "I32": "i4", "U8": "u1"}
_MAX_HEADER = 1 << 24
"""Largest header in bytes, enough for 100,000 arrays."""


@dataclass(frozen=True)
class SafetensorsFile:
    """A memory-mapped safetensors file: metadata, arrays by name, and bytes.

    `header` is everything before the arrays, `data` the bytes of all arrays.
    """

    metadata: dict[str, str]
    arrays: dict[str, LazyArray]
    header: bytes
    data: memoryview


def map_file(path: str | Path, remedy: str = "") -> SafetensorsFile:
    """Map a safetensors file; its arrays are writable views, copied on write.

    Raises `WeightsError`, which ends with `remedy` for a file of another format.
    """
    from safetensors import safe_open

    if not os.path.exists(path):  # unlike `Path.exists`, without an error for long names
        raise WeightsError(f"{path}: must be a weight file; got no such file")
    with reading(path, "a safetensors file", WeightsError, remedy), open_regular(path) as file:
        length = int.from_bytes(file.read(8), "little")
        if length > _MAX_HEADER:
            raise ValueError(f"a header of {length:,} bytes, which is more than {_MAX_HEADER:,}")
        with safe_open(str(path), framework="numpy") as checked:
            metadata, names = checked.metadata() or {}, list(checked.keys())
        # safetensors has checked header and offsets; its own reader would copy every array.
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        start = 8 + length
        header = json.loads(data[8:start])
        arrays = {name: _mapped(data, start, header[name]) for name in names}
        return SafetensorsFile(metadata, arrays, data[:start], memoryview(data)[start:])


def _mapped(data: mmap.mmap, start: int, entry: dict[str, Any]) -> LazyArray:
    shape, code = tuple(entry["shape"]), entry["dtype"]
    begin, end = (start + offset for offset in entry["data_offsets"])

    def read() -> NDArray[Any]:
        raw = np.frombuffer(data, np.uint8, end - begin, begin)
        if code == "BF16":
            return _from_bfloat16(raw.view("<u2")).reshape(shape)
        return np.require(raw.view(f"<{_DTYPES[code]}"), requirements="A").reshape(shape)

    name = np.dtype(_DTYPES[code]).name if code in _DTYPES else code.lower()
    return LazyArray(shape, "bfloat16" if code == "BF16" else name, read)


def _from_bfloat16(halves: NDArray[Any]) -> NDArray[np.float32]:
    return (halves.astype(np.uint32) << 16).view(np.float32)
