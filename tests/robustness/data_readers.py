"""Readers of images and of how they are prepared: data sets, shards, other libraries' configs."""

import io
import json
import pickle
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from common.data import ImageDescription
from common.data.sources import CIFAR_10, Split, open_shards, read_labelled_npz
from common.data.sources.cifar import read_cifar
from common.data.sources.shards import Index, ShardInfo, write_index, write_shard
from common.weights.foreign.images import MODEL_CONFIG, PROCESSOR_CONFIG, foreign_images
from tests.foreign import SMALL_Y
from tests.robustness.mutations import inside_safetensors, inside_zip
from tests.robustness.reader import Reader


def _is_split(split: Split) -> None:
    for part in (split.train, split.val):
        assert part.labels.min(initial=0) >= 0
        assert part.labels.max(initial=0) < len(part.classes)
        for index in range(len(part)):
            image = part.read(index)
            assert (image.dtype, image.ndim, image.shape[2]) == (np.uint8, 3, part.channels)


def _labelled_npz(path: Path) -> Iterable[bytes]:
    images, labels = np.arange(192, dtype=np.uint8).reshape(4, 4, 4, 3), np.array([0, 1, 0, 1])
    for save in (np.savez, np.savez_compressed):
        content = io.BytesIO()
        save(content, images=images.transpose(0, 3, 1, 2), labels=labels, classes=["a", "b"])
        yield content.getvalue()


def _is_labelled(path: Path) -> None:
    for source in read_labelled_npz(path).values():
        _is_split(Split(source, source))


def _shards(path: Path) -> bytes:
    """Write a shard beside `path`, for both parts, and the index; returns the shard."""
    images = [np.full((3, 5, 3), value, np.uint8) for value in (1, 2)]
    shard = path.parent / "shard.safetensors"
    size = write_shard(shard, zip(images, [0, 1], strict=True))
    info = ShardInfo(shard.name, size, ("a/1.jpg", "b/2.jpg"))
    parts = {"train": (info,), "val": (info,)}
    write_index(path.parent, Index(("a", "b"), 3, None, "photos", {}, parts))
    return shard.read_bytes()


def _index_samples(path: Path) -> Iterable[bytes]:
    _shards(path)
    yield path.read_bytes()


def _shard(path: Path) -> None:
    # The index holds the size of each shard, which would refuse nearly all changed ones.
    index = path.parent / "index.json"
    values = json.loads(index.read_text())
    for shards in values["parts"].values():
        shards[0]["bytes"] = path.stat().st_size
    index.write_text(json.dumps(values))
    _is_split(open_shards(path.parent))


def _cifar_samples(path: Path) -> Iterable[bytes]:
    stream = np.random.default_rng(0)
    pixels = stream.integers(0, 256, (10, 3072), np.uint8)
    batch = {b"data": pixels, b"labels": list(range(10)), b"filenames": [b"a.png"] * 10}
    content = [pickle.dumps(batch, protocol) for protocol in (2, 4)]
    for file in (*CIFAR_10.python[1], CIFAR_10.python[2]):
        (path.parent / file).write_bytes(content[0])
    return content


def _cifar_binary(path: Path) -> Iterable[bytes]:
    content = np.random.default_rng(0).integers(0, 256, (10, 3073), np.uint8)
    content[:, 0] = range(10)
    for file in (*CIFAR_10.binary[1], CIFAR_10.binary[2]):
        (path.parent / file).write_bytes(content.tobytes())
    yield content.tobytes()


def _cifar(path: Path) -> None:
    _is_split(read_cifar(CIFAR_10, path.parent))


_PROCESSOR = {
    "do_center_crop": True, "do_normalize": True, "do_resize": True, "resample": 3,
    "image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225],
    "size": {"shortest_edge": 256}, "crop_size": {"height": 224, "width": 224},
}  # fmt: skip
_PRETRAINED = {
    "architecture": "regnety_004",
    "num_classes": 8,
    "label_names": [f"class {number}" for number in range(8)],
    "pretrained_cfg": {
        "input_size": [3, 224, 224], "crop_pct": 0.95, "crop_mode": "center",
        "interpolation": "bicubic", "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225],
    },
}  # fmt: skip


def _beside(values: dict[str, Any]) -> Callable[[Path], Iterable[bytes]]:
    return lambda path: [json.dumps(values).encode()]


def _foreign_images(layout: str) -> Callable[[Path], None]:
    def read(path: Path) -> None:
        found = foreign_images(path.parent / "model.safetensors", layout, SMALL_Y)
        assert found is not None
        assert ImageDescription.from_dict(found.images.to_dict()) == found.images

    return read


def readers_of_data() -> dict[str, Reader]:
    """All readers of data by name."""
    return {
        "labelled npz": Reader(".npz", _labelled_npz, _is_labelled, inside_zip, 0.5),
        "indices of shards": Reader(
            "index.json", _index_samples, lambda p: _is_split(open_shards(p.parent)), share=0.5
        ),
        "shards": Reader(
            "shard.safetensors", lambda p: [_shards(p)], _shard, inside_safetensors, 0.5
        ),
        "CIFAR's pickles": Reader("data_batch_2", _cifar_samples, _cifar, share=0.5),
        "CIFAR's binary files": Reader("data_batch_2.bin", _cifar_binary, _cifar, share=0.2),
        "timm's configs": Reader(
            MODEL_CONFIG, _beside(_PRETRAINED), _foreign_images("timm"), share=0.5
        ),
        "configs of processors": Reader(
            PROCESSOR_CONFIG, _beside(_PROCESSOR), _foreign_images("huggingface"), share=0.5
        ),
    }
