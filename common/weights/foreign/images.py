"""How other libraries prepare images for their networks, as far as their files say."""

import os
import re
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from common.arch import AnyNetSpec
from common.data import ImageDescription, Preprocessing, class_names, on_imagenet
from common.data.preprocessing import Interpolation
from common.data.presets import IMAGENET_MEAN, IMAGENET_STD
from common.errors import WeightsError, shown
from common.files import read_json, reading
from common.weights.foreign.layouts import Layout
from common.weights.foreign.resnets import RESNET, RESNETS
from common.weights.hub import torchvision_version

MODEL_CONFIG: Final = "config.json"
PROCESSOR_CONFIG: Final = "preprocessor_config.json"

_COLOURS = 3
_IMAGENET_CLASSES = 1000

_WARPED_FROM = 384
"""Sides from which transformers' ConvNeXt processor stretches images instead of cropping them."""

_PILLOW: Final[tuple[Interpolation, ...]] = ("nearest", "lanczos", "bilinear", "bicubic")
"""Pillow's numbers of the interpolations."""

_TORCHVISION: Final[Mapping[str, tuple[int, int, Interpolation]]] = {
    "v1": (224, 256, "bilinear"),
    "v2": (224, 232, "bilinear"),
    "swag": (384, 384, "bicubic"),
    "lc_swag": (224, 224, "bicubic"),
}
"""Crop, short side before it, and interpolation of torchvision's versions of weights."""

_PLAIN_RESNET: Final = r"((tv|ssl|swsl|ig)_)?(wide_)?resne(t|xt)\d+(_\d+(x\d+d)?)?"
"""timm's names of ResNets that are torchvision's networks; others may have the same arrays."""

_Config = Mapping[str, Any]


class ForeignImages(NamedTuple):
    """What a network of another library sees, and from where that is known."""

    images: ImageDescription
    origin: str


def foreign_images(path: Path, layout: str, spec: AnyNetSpec) -> ForeignImages | None:
    """How images are prepared for a network of the library `layout`; `None` if nothing tells.

    Only networks on colour images are known.

    - `path`: the weight file. Its name tells torchvision's version of the weights, and the files
      beside it tell what timm's or Hugging Face's hub has of a model.
    - `layout`: the library.
    - `spec`: the network.

    Raises `WeightsError` for a file beside it that cannot be understood.
    """
    if spec.in_channels != _COLOURS or layout not in _KNOWN:
        return None
    seen, origin = _KNOWN[layout](path)
    return ForeignImages(ImageDescription(seen, _class_names(path, spec.num_classes)), origin)


def library_of(path: Path, layout: Layout) -> str:
    """The library of a file; timm's ResNets have torchvision's names, and a config beside them.

    Raises `WeightsError` if the config, or timm's name of the file, tells of another ResNet: those
    with blurred pooling have the arrays of a plain one.
    """
    if layout is not RESNET:
        return layout.name
    file, config = _beside(path, MODEL_CONFIG)
    blurred = re.match(r"resnet(aa|blur)\d+\w*", path.name)
    name = str(config.get("architecture", blurred[0] if blurred else "resnet50"))
    if not re.fullmatch(_PLAIN_RESNET, name):
        raise WeightsError(
            f"{path}: must hold a ResNet or ResNeXt as torchvision builds them; got "
            f"{shown(name)}, as {file.name if 'architecture' in config else 'its name'} says"
        )
    return RESNETS["timm"].name if "architecture" in config else layout.name


def _timm(path: Path) -> tuple[Preprocessing, str]:
    file, config = _beside(path, MODEL_CONFIG)
    with reading(file, "a config of timm", WeightsError):
        said = config.get("pretrained_cfg", config)
        if "input_size" not in said:
            return _cropped(224, 256, "bicubic"), "by timm's defaults"
        _, height, width = said["input_size"]
        seen = Preprocessing(
            _COLOURS,
            (height, width),
            resize="stretch" if said.get("crop_mode") == "squash" else "short_side",
            resize_to=int(max(height, width) / said.get("crop_pct", 0.875)),
            crop="center",
            interpolation=said.get("interpolation", "bicubic"),
            antialias=True,
            mean=tuple(said.get("mean", IMAGENET_MEAN)),
            std=tuple(said.get("std", IMAGENET_STD)),
        )
    return seen, f"by {file.name} of timm"


def _torchvision(path: Path) -> tuple[Preprocessing, str]:
    version = torchvision_version(path.name)
    seen = _cropped(*_TORCHVISION[version or "v1"])
    if version is None:
        return seen, "as for torchvision's v1 weights, since the file's name tells no version"
    return seen, f"as for torchvision's {version} weights"


def _pycls(_: Path) -> tuple[Preprocessing, str]:
    return on_imagenet(), "as by pycls, in RGB"


def _huggingface(path: Path) -> tuple[Preprocessing, str]:
    file, config = _beside(path, PROCESSOR_CONFIG)
    if not config:
        return _cropped(224, 256, "bicubic"), "by transformers' defaults for RegNet"
    with reading(file, "a config of transformers' image processor", WeightsError):
        normalised = config.get("do_normalize", True)
        seen = Preprocessing(
            _COLOURS,
            **_geometry(config),
            interpolation=_PILLOW[config.get("resample", _PILLOW.index("bicubic"))],
            antialias=True,
            scale=config.get("rescale_factor", 1 / 255),
            mean=tuple(config.get("image_mean", IMAGENET_MEAN)) if normalised else (0.0,),
            std=tuple(config.get("image_std", IMAGENET_STD)) if normalised else (1.0,),
        )
    return seen, f"by {file.name}"


_KNOWN: Final[Mapping[str, Callable[[Path], tuple[Preprocessing, str]]]] = {
    "timm": _timm,
    "torchvision": _torchvision,
    "pycls": _pycls,
    "huggingface": _huggingface,
}


def _geometry(config: _Config) -> dict[str, Any]:
    """Size, resizing and crop of an image processor of transformers."""
    size, crop = config.get("size", 224), config.get("crop_size")
    if isinstance(size, dict) and "shortest_edge" not in size:
        return {"size": (size["height"], size["width"])}
    short = size["shortest_edge"] if isinstance(size, dict) else size
    if crop is not None and config.get("do_center_crop", True):
        sides = (crop["height"], crop["width"]) if isinstance(crop, dict) else (crop, crop)
        return {"size": sides, "resize": "short_side", "resize_to": short, "crop": "center"}
    if short >= _WARPED_FROM:
        return {"size": (short, short)}
    to = int(short / config.get("crop_pct", 224 / 256))
    return {"size": (short, short), "resize": "short_side", "resize_to": to, "crop": "center"}


def _cropped(size: int, short: int, interpolation: Interpolation) -> Preprocessing:
    """The centre of an image whose short side is resized, normalised as on ImageNet."""
    return Preprocessing(
        _COLOURS,
        (size, size),
        resize="short_side",
        resize_to=short,
        crop="center",
        interpolation=interpolation,
        antialias=True,
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
    )


def _class_names(path: Path, num_classes: int) -> tuple[str, ...]:
    """Class names from the model's config, ImageNet's for 1000 classes, or none."""
    file, config = _beside(path, MODEL_CONFIG)
    with reading(file, "a model's config", WeightsError):
        numbered = config.get("id2label", {})
        names = config.get("label_names") or [
            numbered[number] for number in sorted(numbered, key=int)
        ]
        generic = [f"LABEL_{number}" for number in range(len(names))]
        if len(names) == num_classes and names != generic:
            return _distinct(names)
    return class_names(num_classes) if num_classes == _IMAGENET_CLASSES else ()


def _distinct(names: list[str]) -> tuple[str, ...]:
    """Names that occur more than once with their number: ImageNet has two cranes."""
    times = Counter(names)
    return tuple(
        name if times[name] == 1 else f"{name} ({number})" for number, name in enumerate(names)
    )


def _beside(path: Path, name: str) -> tuple[Path, _Config]:
    """The object in a JSON file beside the weights; empty without one."""
    file = path.parent / name
    if not os.path.isfile(file):
        return file, {}
    config = read_json(file, "a readable JSON file", WeightsError)
    return file, config if isinstance(config, dict) else {}
