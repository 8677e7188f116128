"""Networks by name, as the paper, pycls, torchvision, timm and Hugging Face spell it."""

import difflib
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from common.arch.regnet import REGNETS
from common.arch.resnet import RESNET_SPECS
from common.arch.spec import AnyNetSpec
from common.errors import SpecError, shortened, shown

REGNETX32: Final = AnyNetSpec.from_arch(((4, 32, 16, 1), (6, 80, 16, 1)), stem_channels=32)
"""The chapter's RegNetX32 for Fashion-MNIST: 179,290 trainable parameters (section 8.8.3)."""

TORCHVISION_WIDTHS: Final = {
    "regnetx_400mf": (32, 64, 160, 400),
    "regnety_800mf": (64, 144, 320, 784),
    "regnety_8.0gf": (224, 448, 896, 2016),
}
"""Stage widths of torchvision's models that differ from the paper's, by the paper's name."""

_BUILT_BY_TORCHVISION = {
    f"regnet{family}_{size}"
    for family in "xy"
    for size in ("400mf", "800mf", "1.6gf", "3.2gf", "8.0gf", "16gf", "32gf")
}
_OF_TORCHVISION = "_tv"
_OF_PYCLS = {
    "R-50-1x64d": "resnet50",
    "R-101-1x64d": "resnet101",
    "R-152-1x64d": "resnet152",
    "X-50-32x4d": "resnext50_32x4d",
}
_LONGEST = 200


def _as_in_torchvision(name: str) -> AnyNetSpec:
    spec = REGNETS[name].network()
    pairs = zip(spec.stages, TORCHVISION_WIDTHS[name], strict=True)
    return replace(spec, stages=tuple(replace(stage, channels=width) for stage, width in pairs))


NAMED_SPECS: Final[dict[str, AnyNetSpec]] = {
    "regnetx32": REGNETX32,
    **{name: parameters.network() for name, parameters in REGNETS.items()},
    **{name + _OF_TORCHVISION: _as_in_torchvision(name) for name in TORCHVISION_WIDTHS},
    **RESNET_SPECS,
}
"""Every named network."""

_OTHERS: Final = {
    r"regnetz": "RegNetZ is another network, of inverted bottlenecks with linear ends",
    r"regnetv": "RegNetV is another network, with batch norm and SiLU before convolutions",
    r"sgn\b": "With sgn it is another network, with group normalisation",
    r"\bnf\b": "NF-RegNet is another network, without normalisation",
    r"regnet ?y ?(640|64( 0)?gf|1280|128( 0)?gf|2560|256( 0)?gf|10b)": (
        "The paper has no RegNetY above 32gf; anynet convert reads checkpoints of larger ones"
    ),
    r"resn": (
        "A ResNet with another stem, downsampling, attention or normalisation is another network"
    ),
}
"""Hints for names of other networks that look like a known one's, by regular expression."""


def find_spec(name_or_spec: str | AnyNetSpec) -> AnyNetSpec:
    """The named spec, or the spec itself. Raises `SpecError`, which suggests the closest name."""
    if isinstance(name_or_spec, AnyNetSpec):
        return name_or_spec
    if not isinstance(name_or_spec, str):
        raise SpecError(f"model: must be a name or an AnyNetSpec; got {shortened(name_or_spec)}")
    return NAMED_SPECS[_canonical_name(name_or_spec)]


def regnet(name: str, num_classes: int = 1000, in_channels: int = 3) -> AnyNetSpec:
    """The named RegNet. Raises `SpecError`, which suggests the closest name."""
    return replace(find_spec(name), num_classes=num_classes, in_channels=in_channels)


def _canonical_name(name: str) -> str:
    short = name if len(name) <= _LONGEST else ""
    key = _key(_without_tag(short))
    if key in _NAMES:
        return _NAMES[key]
    alike = [known for known in _NAMES if known[:3] == key[:3]]
    regnets = [known for known in _NAMES if known[:3] == "reg"]
    nearest = difflib.get_close_matches(key, alike or regnets, 1, 0.0)[0]
    sizes = ", ".join(known.removeprefix("regnetx_") for known in REGNETS if known[6] == "x")
    words = re.sub(r"[_\W]+", " ", short.lower())
    other = next((f" {w}" for pattern, w in _OTHERS.items() if re.search(pattern, words)), "")
    raise SpecError(
        f"model: must be regnetx32, regnetx_ or regnety_ with one of {sizes}, or "
        f"{', '.join(RESNET_SPECS)}; got {shown(name)}; did you mean {_NAMES[nearest]}?{other}"
    )


def _without_tag(name: str) -> str:
    """A model's name without the parts that identify weights, apart from torchvision's `_tv`.

    Removed are a repository's owner, timm's tag, pycls's number of GPUs and Hugging Face's
    pretraining; the name of a torchvision weight enumeration becomes `_tv`.
    """
    name = name.rpartition("/")[2].lower()
    name = re.sub(r"_weights(\.(default|imagenet1k_\w+))?$", _OF_TORCHVISION, name)
    return re.sub(r"(\.\w*in\d+k|[.-]seer(-in1k)?|[_-]dds[_-]8gpu)$", "", name)


def _key(name: str) -> str:
    """The words and numbers of a name in lower case, separated by spaces."""
    return " ".join(re.findall(r"regnet|[a-z]+|\d+", name.lower()))


def _spellings(name: str) -> Iterator[str]:
    """For regnetx_3.2gf: itself, and timm's regnetx_032, in hundreds of MFLOPs.

    Whole gigaflops are spelled with and without a zero: 4.0gf and 4gf.
    """
    yield name
    family, _, size = name.partition("_")
    if size.endswith("gf"):
        gigaflops = float(size.removesuffix("gf"))
        yield f"{family}_{gigaflops:g}gf"
        yield f"{family}_{gigaflops:.1f}gf"
        yield f"{family}_{round(10 * gigaflops):03}"
    elif size:
        yield f"{family}_{int(size.removesuffix('mf')) // 100:03}"


def _known_names() -> Iterator[tuple[str, str]]:
    for name in ("regnetx32", *REGNETS):
        theirs = name + _OF_TORCHVISION if name in TORCHVISION_WIDTHS else name
        for text in _spellings(name):
            yield _key(text), name
            if name in _BUILT_BY_TORCHVISION:
                yield _key(text + _OF_TORCHVISION), theirs
    for name in RESNET_SPECS:
        yield _key(name), name
        yield _key(name + _OF_TORCHVISION), name
    yield from ((_key(theirs), name) for theirs, name in _OF_PYCLS.items())


_NAMES: Final = dict(_known_names())
