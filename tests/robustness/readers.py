"""Every reader of files: samples of what it reads, and what it may give for a changed one."""

import importlib.util
import io
import math
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from common.arch import AnyNetSpec
from common.cli.networks import resolve_spec
from common.cli.study.run import read_settings as read_study_config
from common.data import ImageDescription, assumed, on_imagenet, read_labels, read_picture
from common.data.idx import encode_idx, read_idx
from common.data.sample import write_idx
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
from tests.foreign import SMALL_Y
from tests.robustness.data_readers import readers_of_data
from tests.robustness.mutations import (
    inside_gzip,
    inside_png,
    inside_safetensors,
    inside_zip,
)
from tests.robustness.reader import Reader

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

    sample = TrainConfig("torch", spec=None, data="sample")
    config = StudyConfig((find_space("AnyNetXA-small"),), 2, training=sample)
    Study.create("golden", str(path), config)
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
    }  # fmt: skip
    found |= readers_of_data()
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
