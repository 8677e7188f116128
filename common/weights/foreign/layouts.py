"""Module paths of a RegNet's or ResNet's layers in other libraries, as tables."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from common.arch import BlockKind, StemKind

_ARRAYS = ("weight", "bias", "running_mean", "running_var")
_NUMBER = "[0-9]{1,4}"
_ENDS = ("stem.", "head.")


@dataclass(frozen=True)
class Layout:
    """The module paths of one library, and the networks that it can build.

    - `block`: the path of a block; `{stage}` and `{block}` count from 1, `{stage0}` and `{block0}`
      from 0.
    - `layers`: foreign paths by canonical path, in a block relative to the block.
    - `squeezed`: replacements for `layers` in networks with squeeze-and-excitation.
    - `conv_bias`: whether convolutions have a bias; `None` where either is possible.
    - `se_convs`: whether squeeze-and-excitation consists of 1x1 convolutions, not linear layers.
    - `shared_group_width`: whether all stages must have the same group width.
    - `no_bottleneck`: whether bottleneck multipliers must be 1.
    - `only_se_ratio`: the only squeeze-and-excitation ratio, `None` for any.
    - `wrapper`: the key of the state dict in a `.pth` file.
    - `optional`: a prefix of names that is missing in models without a head.
    - `bgr`: whether colour channels are in the order blue, green, red.
    - `prefers_averaged`: whether the library loads averaged weights where a file has both kinds.
    - `blocks`, `stems`: the kinds of blocks and stems.
    - `widths`: channels of the stem and of the stages' bottleneck blocks; `None` for any.
    - `network`: what the networks are called.
    """

    name: str
    block: str
    layers: Mapping[str, str]
    squeezed: Mapping[str, str] = field(default_factory=dict)
    conv_bias: bool | None = False
    se_convs: bool = True
    shared_group_width: bool = False
    no_bottleneck: bool = False
    only_se_ratio: float | None = None
    wrapper: str | None = None
    optional: str = ""
    bgr: bool = False
    prefers_averaged: bool = False
    blocks: tuple[BlockKind, ...] = ("resnext",)
    stems: tuple[StemKind, ...] = ("simple",)
    widths: tuple[int, ...] | None = None
    network: str = "RegNet"

    def path(self, layer: str, squeezed: bool) -> str:
        """The foreign path of a canonical layer. Raises `KeyError` if the layout lacks it."""
        table = {**self.layers, **self.squeezed} if squeezed else self.layers
        if not layer.startswith("stage"):
            return table[layer]
        stage, block, inner = layer.split(".", 2)
        numbers = int(stage.removeprefix("stage")), int(block.removeprefix("block"))
        place = self.block.format(
            stage=numbers[0], block=numbers[1], stage0=numbers[0] - 1, block0=numbers[1] - 1
        )
        return f"{place}.{table[inner]}"

    def canonical(self, name: str) -> str | None:
        """The canonical name of a foreign array, `None` if it is not one of this layout."""
        path, _, array = name.rpartition(".")
        if array not in _ARRAYS:
            return None
        if path in self._outside:
            return f"{self._outside[path]}.{array}"
        if not (found := self._pattern.match(path)):
            return None
        layer = self._in_a_block.get(path[found.end() :])
        stage, block = (_number_from_one(found, kind) for kind in ("stage", "block"))
        return f"stage{stage}.block{block}.{layer}.{array}" if layer else None

    @property
    def head(self) -> str:
        """The path of the classifier, which may have several layers."""
        path = self.layers["head.fc"]
        return path.rpartition(".")[0] or path

    def own_name(self, name: str) -> str:
        """`name` with the prefix that is missing in models without a head."""
        full = self.optional + name
        return full if self.optional and self.canonical(full) else name

    def prefix(self, name: str) -> str | None:
        """The prefix of the name of a block's array, `None` for any other name."""
        path, _, array = name.rpartition(".")
        if array not in _ARRAYS or not (found := self._anywhere.search(path)):
            return None
        return path[: found.start()] if path[found.end() :] in self._in_a_block else None

    @cached_property
    def _outside(self) -> dict[str, str]:
        """Canonical layers of stem and head by foreign path."""
        return {there: here for here, there in self.layers.items() if here.startswith(_ENDS)}

    @cached_property
    def _in_a_block(self) -> dict[str, str]:
        """Canonical layers of a block by foreign path."""
        pairs = (*self.layers.items(), *self.squeezed.items())
        return {there: here for here, there in pairs if not here.startswith(_ENDS)}

    @cached_property
    def _anywhere(self) -> re.Pattern[str]:
        """A block's path at the start of a name or after a dot."""
        block = self._pattern.pattern
        if self.optional:
            optional = re.escape(self.optional)
            block = f"(?:{optional})?{block.removeprefix(optional)}"
        return re.compile(rf"(?<![^.]){block}")

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        pattern = re.escape(self.block)
        for kind in ("stage", "stage0", "block", "block0"):
            slot = re.escape(f"{{{kind}}}")
            pattern = pattern.replace(slot, f"(?P<{kind}>{_NUMBER})", 1)
            pattern = pattern.replace(slot, f"(?P={kind})")
        return re.compile(rf"{pattern}\.")


def _number_from_one(found: re.Match[str], kind: str) -> int:
    groups = found.groupdict()
    return int(groups[kind]) if kind in groups else int(groups[f"{kind}0"]) + 1


TORCHVISION = Layout(
    name="torchvision",
    block="trunk_output.block{stage}.block{stage}-{block0}",
    layers={
        "stem.conv": "stem.0",
        "stem.bn": "stem.1",
        "conv1": "f.a.0",
        "bn1": "f.a.1",
        "conv2": "f.b.0",
        "bn2": "f.b.1",
        "se.fc1": "f.se.fc1",
        "se.fc2": "f.se.fc2",
        "conv3": "f.c.0",
        "bn3": "f.c.1",
        "conv4": "proj.0",
        "bn4": "proj.1",
        "head.fc": "fc",
    },
)
"""torchvision.models.regnet, 0.11 and later."""

TIMM = Layout(
    name="timm",
    block="s{stage}.b{block}",
    layers={
        "stem.conv": "stem.conv",
        "stem.bn": "stem.bn",
        "conv1": "conv1.conv",
        "bn1": "conv1.bn",
        "conv2": "conv2.conv",
        "bn2": "conv2.bn",
        "se.fc1": "se.fc1",
        "se.fc2": "se.fc2",
        "conv3": "conv3.conv",
        "bn3": "conv3.bn",
        "conv4": "downsample.conv",
        "bn4": "downsample.bn",
        "head.fc": "head.fc",
    },
    shared_group_width=True,
    prefers_averaged=True,
)
"""timm.models.regnet: its regnetx and regnety models."""

PYCLS = Layout(
    name="pycls",
    block="s{stage}.b{block}",
    layers={
        "stem.conv": "stem.conv",
        "stem.bn": "stem.bn",
        "conv1": "f.a",
        "bn1": "f.a_bn",
        "conv2": "f.b",
        "bn2": "f.b_bn",
        "se.fc1": "f.se.f_ex.0",
        "se.fc2": "f.se.f_ex.2",
        "conv3": "f.c",
        "bn3": "f.c_bn",
        "conv4": "proj",
        "bn4": "bn",
        "head.fc": "head.fc",
    },
    wrapper="model_state",
    bgr=True,
    stems=("simple", "resnet"),
)
"""pycls.models.anynet with either stem and bottleneck blocks, and pycls.models.resnet."""

HUGGINGFACE = Layout(
    name="huggingface",
    block="regnet.encoder.stages.{stage0}.layers.{block0}",
    layers={
        "stem.conv": "regnet.embedder.embedder.convolution",
        "stem.bn": "regnet.embedder.embedder.normalization",
        "conv1": "layer.0.convolution",
        "bn1": "layer.0.normalization",
        "conv2": "layer.1.convolution",
        "bn2": "layer.1.normalization",
        "conv3": "layer.2.convolution",
        "bn3": "layer.2.normalization",
        "conv4": "shortcut.convolution",
        "bn4": "shortcut.normalization",
        "head.fc": "classifier.1",
    },
    squeezed={
        "se.fc1": "layer.2.attention.0",
        "se.fc2": "layer.2.attention.2",
        "conv3": "layer.3.convolution",
        "bn3": "layer.3.normalization",
    },
    shared_group_width=True,
    no_bottleneck=True,
    only_se_ratio=0.25,
    optional="regnet.",
)
"""transformers.RegNetForImageClassification, and RegNetModel without `regnet.`."""

_CHAPTER_BLOCK = {name: name for number in range(1, 5) for name in (f"conv{number}", f"bn{number}")}

D2L = Layout(
    name="d2l",
    block="net.stage{stage}.{block0}",
    layers={
        "stem.conv": "net.0.0",
        "stem.bn": "net.0.1",
        **_CHAPTER_BLOCK,
        "head.fc": "net.head.2",
    },
    conv_bias=True,
)
"""The chapter's PyTorch tab: d2l.torch blocks in an AnyNet."""

ANYNET_TORCH = Layout(
    name="anynet_torch",
    block="net.stage{stage}.block{block}",
    layers={
        "stem.conv": "net.stem.conv",
        "stem.bn": "net.stem.bn",
        **_CHAPTER_BLOCK,
        "se.fc1": "se.fc1",
        "se.fc2": "se.fc2",
        "head.fc": "net.head.fc",
    },
    conv_bias=None,
    se_convs=False,
    stems=("simple", "resnet"),
)
"""The `state_dict()` of this project's PyTorch modules."""

LAYOUTS = {
    layout.name: layout for layout in (TORCHVISION, TIMM, PYCLS, HUGGINGFACE, D2L, ANYNET_TORCH)
}
"""Every known layout by name; `resnets.py` has others, of the same libraries."""
