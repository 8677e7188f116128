"""Networks out of and into the files of other libraries."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.arch import AnyNetSpec, parameters, plan
from common.errors import SpecError, WeightsError
from common.weights.checks import some
from common.weights.files import check_arrays
from common.weights.foreign.files import read_file, write_file
from common.weights.foreign.layouts import LAYOUTS, Layout
from common.weights.foreign.recover import recover_spec
from common.weights.initial import Arrays
from common.weights.mapped import Stored

Shape = tuple[int, ...]
Names = dict[str, tuple[str, Shape]]
"""By canonical name, the name and the shape that an array has in a foreign file."""

_COUNTER = "num_batches_tracked"
_PARALLEL = "module."
_WIDENED = ("float32", "float16", "bfloat16")
"""Types whose values float32 holds exactly."""


@dataclass(frozen=True)
class Foreign:
    """A network found in another library's file, and whose layout that file has."""

    layout: str
    spec: AnyNetSpec
    arrays: Arrays


def import_weights(path: str | Path) -> tuple[AnyNetSpec, Arrays]:
    """The RegNet in a file of another library: its spec, and its canonical arrays.

    Names tell whose layout the file is in and shapes what the network is. Arrays are views of the
    file where its format allows it. Raises one `WeightsError` naming the file and every array
    that is missing, extra or mis-shaped.
    """
    found = read_foreign(path)
    return found.spec, found.arrays


def read_foreign(path: str | Path) -> Foreign:
    """The same as `import_weights`, with the name of the layout."""
    path = Path(path)
    stored = _state(read_file(path))
    layout = _recognised(path, stored)
    spec = _recovered(path, layout, stored)
    names = foreign_names(layout, spec)
    _check(path, layout, names, stored)
    arrays: Arrays = {}
    for canonical, (name, shape) in names.items():
        array = stored[name].read().astype(np.float32, copy=False)
        arrays[canonical] = array.reshape(_canonical_shape(canonical, shape))
    return Foreign(layout.name, spec, check_arrays(spec, arrays, str(path)))


def export_weights(
    path: str | Path, spec: AnyNetSpec, arrays: Mapping[str, NDArray[Any]], layout: str
) -> None:
    """Write canonical arrays to a file that the library of `layout` loads.

    The suffix gives the format: `.safetensors`, `.npz`, or `.pth` and its like. Raises
    `WeightsError` when the arrays do not fit the spec, or when the library has no such network.
    """
    path = Path(path)
    if layout not in LAYOUTS:
        raise WeightsError(f"layout: must be one of {', '.join(LAYOUTS)}; got {layout!r}")
    target, checked = LAYOUTS[layout], check_arrays(spec, arrays, str(path))
    if reasons := _differences(target, spec):
        raise WeightsError(f"{path}: a network for {layout} must have {'; '.join(reasons)}")
    state: dict[str, NDArray[Any]] = {}
    for canonical, (name, shape) in foreign_names(target, spec).items():
        state[name] = checked[canonical].reshape(shape)
        if name.endswith(".running_var"):
            state[name.replace("running_var", _COUNTER)] = np.zeros((), np.int64)
    write_file(path, state, target.wrapper)


def foreign_names(layout: Layout, spec: AnyNetSpec) -> Names:
    """Name and shape in `layout` of every array of `spec`, in order of execution.

    Raises `KeyError` when the layout has no place for one of its layers.
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
    """A squeeze-and-excitation is linear here, whatever it is elsewhere."""
    return shape[:2] if ".se." in canonical else shape


def _state(stored: dict[str, Stored]) -> dict[str, Stored]:
    """The arrays that make the network, without the prefix that data-parallel training leaves."""
    if all(name.startswith(_PARALLEL) for name in stored):
        stored = {name.removeprefix(_PARALLEL): item for name, item in stored.items()}
    return {name: item for name, item in stored.items() if not name.endswith(f".{_COUNTER}")}


def _recognised(path: Path, names: Mapping[str, Stored]) -> Layout:
    """The layout that explains the most names, blocks alone: stems and heads look alike."""
    counts = {
        layout.name: sum((layout.canonical(name) or "").startswith("stage") for name in names)
        for layout in LAYOUTS.values()
    }
    best = max(counts, key=lambda name: counts[name])
    if not counts[best]:
        raise WeightsError(
            f"{path}: must hold a RegNet of {', '.join(LAYOUTS)}; got arrays {some(list(names))}"
        )
    return LAYOUTS[best]


def _recovered(path: Path, layout: Layout, stored: Mapping[str, Stored]) -> AnyNetSpec:
    shapes = {
        canonical: _canonical_shape(canonical, item.shape)
        for name, item in stored.items()
        if (canonical := layout.canonical(name))
    }
    try:
        return recover_spec(shapes)
    except SpecError as error:
        raise WeightsError(f"{path}: must hold a {layout.name} RegNet; got {error}") from error


def _check(path: Path, layout: Layout, names: Names, stored: Mapping[str, Stored]) -> None:
    wanted = dict(names.values())
    wrong = []
    for name in (name for name in wanted if name in stored):
        item = stored[name]
        if item.shape != wanted[name]:
            wrong.append(f"{name} must have shape {wanted[name]}, got {item.shape}")
        elif item.dtype not in _WIDENED:
            wrong.append(f"{name} must be one of {', '.join(_WIDENED)}, got {item.dtype}")
    missing = [name for name in wanted if name not in stored]
    extra = [name for name in stored if name not in wanted]
    if missing or extra or wrong:
        raise WeightsError(
            f"{path}: must hold the arrays of one {layout.name} RegNet; "
            f"missing {some(missing)}; extra {some(extra)}; unfit {some(wrong)}"
        )


def _differences(layout: Layout, spec: AnyNetSpec) -> list[str]:
    """Everything that `spec` would have to be for the library to build it from these arrays."""
    if spec.block != "resnext":
        return [f"resnext blocks, not {spec.block}"]
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
    return reasons + _untold(spec)


def _untold(spec: AnyNetSpec) -> list[str]:
    """What no array tells, where it differs from what a reader takes for granted."""
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
