"""Networks by name, as the paper, pycls, torchvision, timm and Hugging Face spell it."""

import difflib
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from common.arch.regnet import REGNETS
from common.arch.spec import AnyNetSpec
from common.errors import SpecError

REGNETX32: Final = AnyNetSpec.from_arch(((4, 32, 16, 1), (6, 80, 16, 1)), stem_channels=32)
"""The chapter's RegNetX32 for Fashion-MNIST: 179,290 trainable parameters (section 8.8.3)."""

NAMED_SPECS: Final[dict[str, AnyNetSpec]] = {
    "regnetx32": REGNETX32,
    **{name: parameters.network() for name, parameters in REGNETS.items()},
}
"""Every network that has a name."""


def find_spec(name_or_spec: str | AnyNetSpec) -> AnyNetSpec:
    """The spec of that name, or the spec itself. Raises `SpecError` with the nearest name."""
    if isinstance(name_or_spec, AnyNetSpec):
        return name_or_spec
    return NAMED_SPECS[_canonical_name(str(name_or_spec))]


def regnet(name: str, num_classes: int = 1000, in_channels: int = 3) -> AnyNetSpec:
    """The RegNet of that name. Raises `SpecError` with the nearest name."""
    return replace(find_spec(name), num_classes=num_classes, in_channels=in_channels)


def _canonical_name(name: str) -> str:
    key = _key(name.rpartition("/")[2])
    if key in _NAMES:
        return _NAMES[key]
    nearest = difflib.get_close_matches(key, _NAMES, 1, 0.0)[0]
    sizes = ", ".join(known.removeprefix("regnetx_") for known in REGNETS if known[6] == "x")
    raise SpecError(
        f"model: must be regnetx32, or regnetx_ or regnety_ with one of {sizes}; got {name!r}; "
        f"did you mean {_NAMES[nearest]}?"
    )


def _key(name: str) -> str:
    """A name without case and punctuation: its words and numbers, a space between any two."""
    return " ".join(re.findall(r"regnet|[a-z]+|\d+", name.lower()))


def _spellings(name: str) -> Iterator[str]:
    """Of regnetx_3.2gf: itself, and regnetx_032 in hundreds of MFLOPs as timm writes it.

    Whole gigaflops may be written with and without a zero: 4.0gf and 4gf.
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


_NAMES: Final = {_key(text): name for name in NAMED_SPECS for text in _spellings(name)}
