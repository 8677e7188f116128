"""Shards: decoded images in memory-mapped files.

A folder of shards has safetensors files for each part (train, val), and `index.json`, which is
written last. A file has four arrays:

- `pixels`: the images' bytes, each (height, width, channels), concatenated.
- `shapes` (N, 2): heights and widths.
- `labels` (N,).
- `digests` (N,): XXH3-64 of each image with its shape and label, checked when the image is read.
"""

import json
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from itertools import accumulate, chain
from pathlib import Path
from typing import Any, Final

import numpy as np
import xxhash
from numpy.typing import NDArray

from common.data.sources.protocol import check_image
from common.data.sources.split import Split, check_split
from common.digests import digest_of
from common.errors import DataError
from common.files import PRODUCER, check_format, read_json, reading, replacing, write_text

INDEX: Final = "index.json"
FORMAT: Final = 1
"""Format of the index."""

_MAX_INDEX: Final = 1 << 28
"""Largest size of an index in bytes: enough for the names of several million images."""

_HEADER: Final = 1024
"""Bytes of a shard before its pixels, which are written first: its sizes, padded with spaces."""


@dataclass(frozen=True)
class ShardInfo:
    """One shard in the index: file name, number of images, and their names."""

    file: str
    bytes: int
    names: tuple[str, ...]


@dataclass(frozen=True)
class Index:
    """The content of `index.json`.

    - `size`: short side of the images in pixels, or `None` if they were not resized.
    - `left_out`: images that could not be read, with the reason, by name.
    - `parts`: the shards of `train` and `val`.
    """

    classes: tuple[str, ...]
    channels: int
    size: int | None
    source: str
    left_out: dict[str, str]
    parts: dict[str, tuple[ShardInfo, ...]]

    def to_json(self) -> str:
        """The index as JSON, with a digest."""
        values = asdict(self)
        head = {"producer": PRODUCER, "format": FORMAT, "digest": digest_of(values)}
        return json.dumps(head | values, indent=1) + "\n"


def write_shard(path: Path, images: Iterable[tuple[NDArray[np.uint8], int]]) -> int:
    """Write images uint8 (H, W, C) with their labels atomically; returns the size in bytes.

    Each image is written before the next one is asked for. Without images there is no file: 0.
    """
    coming = iter(images)
    first = next(coming, None)
    if first is None:
        return 0
    shapes, labels, digests = [], [], []
    with replacing(path) as temporary, temporary.open("wb") as file:
        file.seek(_HEADER)
        for image, label in chain([first], coming):
            file.write(np.ascontiguousarray(image).data)
            shapes.append(image.shape[:2])
            labels.append(label)
            digests.append(_digest(image, label))
            del image  # for the next one to take its memory
        arrays = {
            "shapes": np.array(shapes, "<i4"),
            "labels": np.array(labels, "<i4"),
            "digests": np.array(digests, "<u8").view("<i8"),
        }
        stop = file.tell() - _HEADER
        header: dict[str, Any] = {"__metadata__": {PRODUCER: "shard"}}
        header["pixels"] = {"dtype": "U8", "shape": [stop], "data_offsets": [0, stop]}
        for name, array in arrays.items():
            start, stop = stop, stop + array.nbytes
            dtype = f"I{8 * array.itemsize}"
            shape = list(array.shape)
            header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [start, stop]}
            file.write(array.tobytes())
        file.seek(0)
        text = json.dumps(header).encode().ljust(_HEADER - 8)
        file.write(len(text).to_bytes(8, "little") + text)
    return path.stat().st_size


def write_index(folder: Path, index: Index) -> None:
    """Write `index.json`, which completes a folder of shards."""
    write_text(folder / INDEX, index.to_json())


def is_shards(folder: str | Path) -> bool:
    """Whether a folder has an index of shards."""
    return (Path(folder) / INDEX).is_file()


def open_shards(folder: str | Path) -> Split:
    """Map the training and validation images of a folder of shards into memory.

    Raises `DataError` if the index or a shard is missing or has been changed.
    """
    root = Path(folder)
    index = read_index(root)
    train, val = (ShardSource(root, index, part) for part in ("train", "val"))
    split = Split(train, val)
    check_split(split, str(root))
    return split


def read_index(root: Path) -> Index:
    """Read `index.json`. Raises `DataError`."""
    path = root / INDEX
    if not path.is_file():
        raise DataError(
            f"{root}: must be a complete folder of shards; got one without {INDEX}; "
            "run anynet data prepare again, which goes on where it stopped"
        )
    values = read_json(path, "an index of shards", DataError, max_bytes=_MAX_INDEX)
    with reading(path, "an index of shards", DataError):
        check_format(values.pop("format"), FORMAT, str(path), DataError)
        del values["producer"]
        if values.pop("digest") != digest_of(values):
            raise DataError(
                f"{path}: must be as it was written; got another digest; run anynet data prepare "
                "again in a new folder"
            )
        parts = {
            part: tuple(ShardInfo(s["file"], s["bytes"], tuple(s["names"])) for s in shards)
            for part, shards in values.pop("parts").items()
        }
        return Index(parts=parts, **values | {"classes": tuple(values["classes"])})


class ShardSource:
    """Images of one part of a folder of shards."""

    def __init__(self, root: Path, index: Index, part: str) -> None:
        self._root, self._part = root, part
        self.classes, self.channels = index.classes, index.channels
        self._files = [_Shard(root, info, index) for info in index.parts[part]]
        self._starts = [0, *accumulate(len(shard.labels) for shard in self._files)]
        self.labels = np.concatenate([np.zeros(0, np.int32), *(s.labels for s in self._files)])

    def __len__(self) -> int:
        return self._starts[-1]

    def read(self, index: int) -> NDArray[np.uint8]:
        """Pixels uint8 (height, width, channels) of image `index`, a view of the mapped file.

        Raises `DataError` if they do not have the stored digest.
        """
        number = bisect_right(self._starts, index) - 1
        return self._files[number].read(index - self._starts[number])

    def name(self, index: int) -> str:
        """The name of image `index` in the source that the shards were made of."""
        number = bisect_right(self._starts, index) - 1
        return self._files[number].info.names[index - self._starts[number]]

    def fingerprint(self) -> str:
        """Digest of the digests of all images."""
        digest = xxhash.xxh3_128()
        for shard in self._files:
            digest.update(shard.digests.tobytes())
        return digest.hexdigest()

    def describe(self) -> str:
        """Number of images and classes, and their folder, for messages and the record."""
        count = f"{len(self):,} images of {len(self.classes):,} classes"
        return f"{count} in the shards {self._root}"


class _Shard:
    """One shard: pixels are memory-mapped, the other arrays are read."""

    def __init__(self, root: Path, info: ShardInfo, index: Index) -> None:
        self.path, self.info, self._channels = root / info.file, info, index.channels
        self._classes = len(index.classes)
        if "/" in info.file or not self.path.is_file():
            raise DataError(f"{self.path}: must be there, as the index says; got no such file")
        if self.path.stat().st_size != info.bytes:
            raise DataError(
                f"{self.path}: must have {info.bytes:,} bytes, as the index says; got "
                f"{self.path.stat().st_size:,}"
            )
        with reading(self.path, "a shard of images", DataError):
            self._open()

    def _open(self) -> None:
        header, begin = _header(self.path)
        small = {}
        for name in ("shapes", "labels", "digests"):
            start, stop = header[name]["data_offsets"]
            dtype = {"I32": "<i4", "I64": "<i8"}[header[name]["dtype"]]
            count = (stop - start) // np.dtype(dtype).itemsize
            array = np.fromfile(self.path, dtype, count, offset=begin + start)
            small[name] = array.reshape(header[name]["shape"])
        self.labels: NDArray[np.int32] = small["labels"].astype(np.int32)
        self._shapes, self.digests = small["shapes"], small["digests"].view(np.uint64)
        sizes = self._shapes.astype(np.int64).prod(1) * self._channels
        self._ends = np.cumsum(sizes)
        start, stop = header["pixels"]["data_offsets"]
        counts = {len(self.info.names), *map(len, small.values())}
        if len(counts) != 1 or self._shapes.min(initial=1) < 1 or self._ends[-1] != stop - start:
            raise ValueError("arrays that do not fit together")
        if self.labels.min(initial=0) < 0 or self.labels.max(initial=0) >= self._classes:
            raise ValueError("labels that are not below the number of classes")
        self._pixels = np.memmap(self.path, np.uint8, "r", begin + start, (stop - start,))

    def read(self, index: int) -> NDArray[np.uint8]:
        height, width = map(int, self._shapes[index])
        end = self._ends[index]
        flat = self._pixels[end - height * width * self._channels : end]
        image: NDArray[np.uint8] = flat.reshape(height, width, self._channels)
        # NumPy 1 compares its own integers with Python's as floats of 53 bits.
        if _digest(image, self.labels[index]) != int(self.digests[index]):
            raise DataError(
                f"{self.path}: must hold the pixels and labels that were written; got others for "
                f"{self.info.names[index]}; run anynet data prepare again in a new folder"
            )
        return check_image(image, self._channels, self.info.names[index])


def _digest(image: NDArray[np.uint8], label: int) -> int:
    """XXH3-64 of an image's bytes, seeded by its height, width and label."""
    height, width, _ = image.shape
    seed = int(label) << 32 | height << 16 | width
    return int(xxhash.xxh3_64_intdigest(np.ascontiguousarray(image).data, seed))


def _header(path: Path) -> tuple[dict[str, Any], int]:
    """Header of a safetensors file, checked by its library, and offset of the first array."""
    from safetensors import safe_open

    with safe_open(str(path), framework="numpy"):
        pass
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        return json.loads(file.read(length)), 8 + length
