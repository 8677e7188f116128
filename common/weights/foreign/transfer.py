"""Networks imported from and exported to files of other libraries."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.arch import AnyNetSpec, parameters, plan
from common.errors import SpecError, WeightsError, shortened
from common.npz import LazyArray
from common.numbers import checked_choice
from common.weights.checks import brief_shape, some
from common.weights.files import check_arrays
from common.weights.foreign.files import model_in, read_file, write_file
from common.weights.foreign.images import ForeignImages, foreign_images, library_of
from common.weights.foreign.layouts import LAYOUTS, Layout
from common.weights.foreign.recover import recover_spec
from common.weights.foreign.resnets import RESNETS
from common.weights.foreign.search import Candidate, choose, find_networks
from common.weights.head import new_head
from common.weights.initial import Arrays

Shape = tuple[int, ...]
Names = dict[str, tuple[str, Shape]]
"""Name and shape of each array in a foreign file, by canonical name."""

_COUNTER = "num_batches_tracked"
_COLOURS = 3
_WIDENED = ("float32", "float16", "bfloat16")
"""Dtypes that convert to float32 exactly."""


@dataclass(frozen=True)
class ForeignCheckpoint:
    """A network found in another library's file.

    `prefix` is the prefix of all names there, keys of mappings included. `averaged` says that the
    weights are averaged over training. `num_classes` is that of the head in the file, `None`
    without one. `left_out` names the arrays that do not belong to the network. `images` is how the
    network sees images, `None` if that is unknown. `head` says what became of a head that is not
    the file's.
    """

    layout: str
    spec: AnyNetSpec
    arrays: Arrays
    prefix: str = ""
    averaged: bool = False
    num_classes: int | None = None
    left_out: tuple[str, ...] = ()
    images: ForeignImages | None = None
    head: str = ""

    @property
    def origin(self) -> str:
        """The library, and which of the file's weights were taken, as text for messages."""
        kind = "averaged" if self.averaged else "plain"
        place = f", {kind} weights in {self.prefix}" if self.prefix else ""
        rest = f", without {some([*self.left_out])}" if self.left_out else ""
        return f"{self.layout}{shortened(place)}{shortened(rest)}"


def import_weights(
    path: str | Path,
    averaged: bool | None = None,
    num_classes: int | None = None,
    seed: int = 0,
) -> tuple[AnyNetSpec, Arrays]:
    """The network in a file of another library: its spec, and its canonical arrays.

    The layout is recognised by names, the spec inferred from shapes. Arrays are float32, and views
    of the file where its format allows it.

    - `path`: a file, or a folder or index of transformers.
    - `averaged`: whether averaged or plain weights are taken where a file has both. With `None`,
      timm's files give the averaged ones, those of pycls the ones of lower test error, and others
      the plain ones.
    - `num_classes`: if given, the head is new and has so many classes.
    - `seed`: of the new head's weights.

    Raises one `WeightsError` that names the file and every array that is missing, extra or of
    another shape.
    """
    found = read_foreign(path, averaged, num_classes, seed)
    return found.spec, found.arrays


def describe_images(path: str | Path) -> ForeignImages | None:
    """How another library prepares images for the network in its file; `None` if nothing tells.

    The arrays are not read. Raises `WeightsError`.
    """
    path = Path(path)
    contents = read_file(path)
    network = choose(path, contents, find_networks(path, contents), None)
    library = library_of(path, network.layout)
    return foreign_images(path, library, _fitting(path, network, False)[0])


def read_foreign(
    path: str | Path,
    averaged: bool | None = None,
    num_classes: int | None = None,
    seed: int = 0,
) -> ForeignCheckpoint:
    """`import_weights`, which also returns what the file says about the network."""
    path = Path(path)
    path = model_in(path) if os.path.isdir(path) else path
    contents = read_file(path)
    network = choose(path, contents, find_networks(path, contents), averaged)
    library = library_of(path, network.layout)
    spec, names = _fitting(path, network, num_classes is not None)
    arrays: Arrays = {}
    for canonical, (name, shape) in names.items():
        array = network.arrays[name].read().astype(np.float32, copy=False)
        array = array.reshape(_canonical_shape(canonical, shape))
        arrays[canonical] = _exchanged(network.layout, canonical, array)
    if num_classes is not None:
        spec, arrays = new_head(spec, arrays, num_classes, seed)
    head = network.arrays.get(f"{network.layout.layers['head.fc']}.bias")
    return ForeignCheckpoint(
        library,
        spec,
        check_arrays(spec, arrays, str(path)),
        network.prefix.removesuffix("."),
        network.averaged,
        head.shape[0] if head is not None and head.shape else None,
        network.others,
        foreign_images(path, library, spec),
    )


def export_weights(
    path: str | Path, spec: AnyNetSpec, arrays: Mapping[str, NDArray[Any]], layout: str
) -> None:
    """Write canonical arrays to a file that another library loads, atomically.

    - `path`: its suffix chooses the format: `.safetensors`, `.npz`, or `.pth` and its like.
    - `spec`, `arrays`: the network.
    - `layout`: the library, one of `LAYOUTS`.

    Raises `WeightsError` if the arrays do not fit the spec, or if the library has no such network.
    """
    path = Path(path)
    layout = checked_choice("layout:", layout, tuple(LAYOUTS), WeightsError)
    checked, target = check_arrays(spec, arrays, str(path)), LAYOUTS[layout]
    if spec.stem == "resnet":
        target = RESNETS.get(layout, target)
    if reasons := _differences(target, spec):
        raise WeightsError(f"{path}: a network for {layout} must have {'; '.join(reasons)}")
    state: dict[str, NDArray[Any]] = {}
    for canonical, (name, shape) in foreign_names(target, spec).items():
        array = _exchanged(target, canonical, checked[canonical])
        state[name] = np.ascontiguousarray(array).reshape(shape)
        if name.endswith(".running_var"):
            state[name.replace("running_var", _COUNTER)] = np.zeros((), np.int64)
    write_file(path, state, target.wrapper)


def foreign_names(layout: Layout, spec: AnyNetSpec) -> Names:
    """Name and shape in `layout` of every array of `spec`, in order of execution.

    Raises `KeyError` if the layout has no such layer.
    """
    squeezed = spec.se_ratio > 0
    names: Names = {}
    for layer in plan(spec):
        for canonical, shape in {**layer.parameters, **layer.buffers}.items():
            kind = canonical.rpartition(".")[2]
            if layout.se_convs and ".se." in canonical and kind == "weight":
                shape = (*shape, 1, 1)
            names[canonical] = f"{layout.path(layer.name, squeezed)}.{kind}", shape
    return names


def _canonical_shape(canonical: str, shape: Shape) -> Shape:
    """The shape here, where squeeze-and-excitation consists of linear layers."""
    return shape[:2] if ".se." in canonical else shape


def _exchanged(layout: Layout, canonical: str, array: NDArray[Any]) -> NDArray[Any]:
    """The stem's kernels with reversed colour channels, if the library's images are BGR.

    Two calls restore the array bit for bit.
    """
    turned = layout.bgr and canonical == "stem.conv.weight" and array.shape[1] == _COLOURS
    return array[:, ::-1] if turned else array


def _fitting(path: Path, network: Candidate, without_head: bool) -> tuple[AnyNetSpec, Names]:
    """The spec that the arrays fit, with or without those of the head."""
    layout = network.layout
    trunk = {n: item for n, item in network.arrays.items() if not n.startswith(f"{layout.head}.")}
    stored = trunk if without_head else network.arrays
    spec = _recovered(path, layout, stored)
    names = foreign_names(layout, spec)
    inner = {name: there for name, there in names.items() if not name.startswith("head.")}
    if without_head:
        names = inner
    elif len(trunk) == len(stored) and not _unfit(inner, trunk):
        raise WeightsError(
            f"{path}: must hold a network with a head; got a {layout.name} trunk without "
            f"{layout.layers['head.fc']}; anynet convert --num-classes draws a new head"
        )
    if differences := _unfit(names, stored):
        raise WeightsError(
            f"{path}: must hold the arrays of one {layout.name} {layout.network}; {differences}"
        )
    return spec, names


def _recovered(path: Path, layout: Layout, stored: Mapping[str, LazyArray]) -> AnyNetSpec:
    shapes = {
        canonical: _canonical_shape(canonical, item.shape)
        for name, item in stored.items()
        if (canonical := layout.canonical(name))
    }
    try:
        spec = recover_spec(shapes)
    except SpecError as error:
        raise WeightsError(
            f"{path}: must hold a {layout.name} {layout.network}; got {error}"
        ) from error
    # Arrays of kinds that the library has not are then found to be unfit.
    stem = spec.stem if spec.stem in layout.stems else layout.stems[0]
    block = spec.block if spec.block in layout.blocks else layout.blocks[0]
    return replace(spec, stem=stem, block=block)


def _unfit(names: Names, stored: Mapping[str, LazyArray]) -> str:
    """All differences of a file's arrays from those of a network, as text; empty without any."""
    wanted = dict(names.values())
    wrong = []
    for name in (name for name in wanted if name in stored):
        item = stored[name]
        if item.shape != wanted[name]:
            wrong.append(f"{name} must have shape {wanted[name]}, got {brief_shape(item.shape)}")
        elif item.dtype not in _WIDENED:
            wrong.append(f"{name} must be one of {', '.join(_WIDENED)}, got {item.dtype}")
    missing = [name for name in wanted if name not in stored]
    extra = [name for name in stored if name not in wanted]
    if not (missing or extra or wrong):
        return ""
    return f"missing {some(missing)}; extra {shortened(some(extra))}; unfit {some(wrong)}"


def _differences(layout: Layout, spec: AnyNetSpec) -> list[str]:
    """All reasons why the library cannot build `spec`."""
    if spec.block not in layout.blocks:
        return [f"{' or '.join(layout.blocks)} blocks, not {spec.block}"]
    if spec.stem not in layout.stems:
        return [f"a {' or '.join(layout.stems)} stem, not a {spec.stem} one"]
    if not spec.batch_norm:
        return ["batch norms, not convolutions into which they were folded"]
    reasons = []
    if layout.conv_bias not in (None, spec.conv_bias):
        reasons.append(f"conv_bias {layout.conv_bias}, not {spec.conv_bias}")
    if spec.se_ratio and "se.fc1" not in {**layout.layers, **layout.squeezed}:
        reasons.append(f"no squeeze-and-excitation, not se_ratio {spec.se_ratio}")
    if layout.only_se_ratio and spec.se_ratio not in (0, layout.only_se_ratio):
        reasons.append(f"se_ratio 0 or {layout.only_se_ratio}, not {spec.se_ratio}")
    if layout.no_bottleneck and any(s.bottleneck_channels != s.channels for s in spec.stages):
        reasons.append("bottleneck_multiplier 1 in every stage")
    middles = [stage.bottleneck_channels for stage in spec.stages]
    widths = [middle // stage.groups for middle, stage in zip(middles, spec.stages, strict=True)]
    shared = [min(max(widths), middle) for middle in middles]
    if layout.shared_group_width and widths != shared:
        reasons.append("one group_width in all stages")
    bottlenecks = {(stage.groups, stage.bottleneck_multiplier) for stage in spec.stages}
    expansion = 4 if spec.block == "resnet" else 1
    channels = (spec.stem_channels, *(expansion * stage.channels for stage in spec.stages))
    if layout.widths and layout.widths != channels:
        reasons.append(f"stem and stages of {some([*map(str, layout.widths)])} channels")
    if layout.widths and len(bottlenecks) > 1:
        reasons.append("as many groups and one bottleneck_multiplier in all stages")
    return reasons + _untold(spec)


def _untold(spec: AnyNetSpec) -> list[str]:
    """Fields that shapes do not determine and that differ from a reader's defaults."""
    told = recover_spec(parameters(spec))
    reasons = [
        f"stride {read.stride} in {layer.name}, not {layer.stride}"
        for layer, read in zip(plan(spec), plan(told), strict=True)
        if layer.stride != read.stride
    ][:1]
    reasons += [
        f"{name} {getattr(told, name)}, not {getattr(spec, name)}"
        for name in ("bn_epsilon", "bn_momentum")
        if getattr(spec, name) != getattr(told, name)
    ]
    return reasons
