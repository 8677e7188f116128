"""Every reader of files: samples of what it reads, and what it may give for a changed one."""

import importlib.util
import io
import json
import math
import pickle
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from common.arch import AnyNetSpec
from common.cli.networks import resolve_spec
from common.cli.study.run import _read as read_study_config
from common.data import ImageDescription, assumed, on_imagenet, read_labels, read_picture
from common.data.idx import encode_idx, read_idx
from common.data.sample import write_idx
from common.data.sources import CIFAR_10, Split, open_shards, read_labelled_npz
from common.data.sources.cifar import read_cifar
from common.data.sources.shards import Index, ShardInfo, write_index, write_shard
from common.parity.record import read_records
from common.plotting import draw_curves
from common.spaces import find_space, space_to_dict
from common.training import TrainConfig, read_record
from common.training.checkpoint import load_checkpoint
from common.training.run import read_config
from common.weights import (
    expected_shapes,
    initial_weights,
    load_description,
    load_weights,
    save_weights,
)
from common.weights.foreign import export_weights, import_weights
from common.weights.foreign.images import MODEL_CONFIG, PROCESSOR_CONFIG, foreign_images
from tests.foreign import SMALL_Y
from tests.robustness.mutations import (
    Inside,
    inside_gzip,
    inside_png,
    inside_safetensors,
    inside_zip,
)

_GOLDEN = Path(__file__).parents[1] / "golden" / "0.1"
_TINY = AnyNetSpec.from_arch(((1, 8, 4, 1),), 4)
_SPACE = """\
name: mine
base: AnyNetXA-small
stages: 3
widths: {range: [8, 64, 8], rule: increasing}
depths: {values: [1, 2, 3]}
limits: {flops: [1e6, 3e6], image_size: 32}
template: {stem_channels: 16, conv_bias: false}
"""


@dataclass(frozen=True)
class Reader:
    """`read` raises the project's own error, or `AssertionError` for what is no valid value.

    `name` is the file's, or how it ends; `share` is how often it is tried, relative to the others.
    """

    name: str
    samples: Callable[[Path], Iterable[bytes]]
    read: Callable[[Path], Any]
    inside: Inside | None = None
    share: float = 1.0


def _is_network(found: tuple[AnyNetSpec, Any]) -> None:
    spec, arrays = found[:2]
    assert {name: array.shape for name, array in arrays.items()} == expected_shapes(spec)
    assert all(array.dtype == np.float32 for array in arrays.values())
    assert all(np.isfinite(array).all() for array in arrays.values())


def _weights(path: Path) -> Iterable[bytes]:
    save_weights(path, _TINY, initial_weights(_TINY))
    yield path.read_bytes()
    yield (_GOLDEN / "model.safetensors").read_bytes()


def _described(path: Path) -> None:
    found = load_description(path)
    assert found is None or ImageDescription.from_dict(found.to_dict()) == found


def _described_samples(path: Path) -> Iterable[bytes]:
    images = ImageDescription(on_imagenet(), ("cat", "dog"))
    save_weights(path, _TINY, initial_weights(_TINY), images)
    yield path.read_bytes()


def _exported(layout: str) -> Callable[[Path], Iterable[bytes]]:
    def samples(path: Path) -> Iterable[bytes]:
        export_weights(path, SMALL_Y, initial_weights(SMALL_Y), layout)
        yield path.read_bytes()

    return samples


def _npz(path: Path) -> Iterable[bytes]:
    yield from _exported("timm")(path)
    content = io.BytesIO()
    with np.load(path) as file:
        np.savez_compressed(content, **{name: file[name] for name in file.files})
    yield content.getvalue()


def _pth(path: Path) -> Iterable[bytes]:
    import torch

    yield from _exported("pycls")(path)
    content = io.BytesIO()
    state = torch.load(path, weights_only=True)
    torch.save(state, content, _use_new_zipfile_serialization=False)
    yield content.getvalue()


def _checkpoint(path: Path) -> None:
    spec, arrays, position = load_checkpoint(path)
    assert expected_shapes(spec).items() <= {n: a.shape for n, a in arrays.items()}.items()
    assert math.isfinite(position.progress.epoch)


def _golden(*names: str) -> Callable[[Path], Iterable[bytes]]:
    return lambda path: [(_GOLDEN / name).read_bytes() for name in names]


def _spec(path: Path) -> None:
    spec = resolve_spec(str(path))
    assert AnyNetSpec.from_json(spec.to_json()) == spec


def _config_samples(path: Path) -> Iterable[bytes]:
    yield TrainConfig("torch", _TINY, resize=(32, 32)).to_json().encode()
    yield from _golden("run/config.json")(path)


def _config(path: Path) -> None:
    config = read_config(path.parent)
    assert TrainConfig.from_json(config.to_json()) == config


def _study(path: Path) -> None:
    config = read_study_config(path)
    assert type(config).from_dict(config.to_dict()) == config


def _record(path: Path) -> None:
    draw_curves([row for row in read_record(path) if row["kind"] in ("interval", "epoch")])


def _space(path: Path) -> None:
    space = find_space(path)
    assert space_to_dict(space)["name"] == space.name


def _labels(path: Path) -> None:
    assert all(isinstance(name, str) for name in read_labels(path, 4))


def _idx(path: Path) -> Iterable[bytes]:
    array = np.arange(60, dtype=np.uint8).reshape(3, 4, 5)
    yield encode_idx(array)
    write_idx(path, array)
    yield path.read_bytes()


def _image_samples(path: Path) -> Iterable[bytes]:
    stream = np.random.default_rng(0)
    pixels = stream.integers(0, 256, (12, 9, 4), np.uint8)
    colour, alpha = Image.fromarray(pixels[..., :3]), Image.fromarray(pixels)
    grey = Image.fromarray(pixels[..., 0])
    deep = Image.fromarray(pixels[..., 0].astype(np.uint16) * 257)
    exif = Image.Exif()
    exif[0x112] = 6
    saved = [
        (colour, "JPEG", {"exif": exif}), (colour, "PNG", {}), (alpha, "PNG", {}),
        (deep, "PNG", {}), (grey.quantize(8), "GIF", {}), (colour, "BMP", {}),
        (alpha, "TIFF", {}), (deep, "TIFF", {}),
        (colour, "TIFF", {"compression": "tiff_lzw"}), (alpha, "WEBP", {}), (colour, "PPM", {}),
        (deep, "PPM", {}), (alpha, "ICO", {"sizes": [(9, 12)]}), (alpha, "TGA", {}),
        (grey, "PCX", {}), (colour, "SGI", {}), (colour, "JPEG2000", {}), (colour, "AVIF", {}),
    ]  # fmt: skip
    for picture, name, options in saved:
        content = io.BytesIO()
        try:
            picture.save(content, name, **options)
        except (KeyError, OSError):  # this Pillow was built without it
            continue
        yield content.getvalue()


def _images(path: Path) -> None:
    for channels in (1, 3):
        seen = read_picture(path, assumed(channels, 8))
        assert seen.shape == (channels, 8, 8)
        assert np.isfinite(seen).all()


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
    info = ShardInfo(shard.name, write_shard(shard, images, [0, 1]), ("a/1.jpg", "b/2.jpg"))
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


def _parity(path: Path) -> None:
    records = read_records(path.parent)
    assert all(isinstance(a, np.ndarray) for arrays in records.values() for a in arrays.values())


def _parity_samples(path: Path) -> Iterable[bytes]:
    golden = _GOLDEN / "parity"
    (path.parent / "reference.safetensors").write_bytes(
        (golden / "reference.safetensors").read_bytes()
    )
    yield (golden / "torch.safetensors").read_bytes()


def _stored_study(url: str) -> None:
    from common.studies import Study

    study = Study.open("golden", url)
    study.results()


def _journal(path: Path) -> None:
    _stored_study(f"journal:{path}")


def _sqlite_samples(path: Path) -> Iterable[bytes]:
    from common.studies import Study, StudyConfig

    Study.create("golden", str(path), StudyConfig((find_space("AnyNetXA-small"),), 2))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("VACUUM")
    yield path.read_bytes()


def readers() -> dict[str, Reader]:
    """All readers of this environment by name; PyTorch's files need PyTorch."""
    found = {
        "weight files": Reader(
            ".safetensors", _weights, lambda p: _is_network(load_weights(p)), inside_safetensors
        ),
        "checkpoints": Reader(
            ".safetensors", _golden("run/checkpoint.safetensors"), _checkpoint, inside_safetensors
        ),
        "timm's safetensors": Reader(
            ".safetensors", _exported("timm"), lambda p: _is_network(import_weights(p)),
            inside_safetensors, 0.3,
        ),
        "npz": Reader(".npz", _npz, lambda p: _is_network(import_weights(p)), inside_zip, 0.3),
        "specs": Reader(".json", _golden("spec.json"), _spec),
        "configs of runs": Reader("config.json", _config_samples, _config),
        "records": Reader(".jsonl", _golden("run/record.jsonl"), _record, share=0.2),
        "spaces in YAML": Reader(".yaml", lambda p: [_SPACE.encode()], _space, share=0.5),
        "spaces in JSON": Reader(".json", _golden("space.json"), _space),
        "study.json": Reader(".json", _golden("study.json"), _study),
        "class names": Reader(".txt", lambda p: [b"a\nb\n\xc3\xa9\nd\n"], _labels),
        "idx": Reader(".gz", _idx, read_idx, inside_gzip),
        "images": Reader(".image", _image_samples, _images, inside_png, 2),
        "parity records": Reader(".safetensors", _parity_samples, _parity, inside_safetensors),
        "descriptions of images": Reader(
            ".safetensors", _described_samples, _described, inside_safetensors, 0.5
        ),
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
    }  # fmt: skip
    if importlib.util.find_spec("optuna"):
        found["studies in a journal"] = Reader(".log", _golden("study.log"), _journal, share=0.1)
        found["studies in SQLite"] = Reader(
            ".db", _sqlite_samples, lambda p: _stored_study(str(p)), share=0.05
        )
    if importlib.util.find_spec("torch"):
        found["pth"] = Reader(
            ".pth", _pth, lambda p: _is_network(import_weights(p)), inside_zip, 0.5
        )
    return found
