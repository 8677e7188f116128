"""One safetensors file per network: canonical arrays, and the spec in the metadata."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from common.arch import AnyNetSpec, buffers, parameters
from common.errors import SpecError, WeightsError
from common.files import write_bytes
from common.weights.initial import Arrays

FORMAT_VERSION = 1

# One metadata entry: safetensors writes several in random order, and equal networks must give
# equal bytes.
_HEADER = "anynet"
_MOST_NAMED = 8
_DTYPES = {"F64": "float64", "F16": "float16", "BF16": "bfloat16", "I64": "int64"}


def save_weights(path: str | Path, spec: AnyNetSpec, arrays: Mapping[str, np.ndarray]) -> None:
    """Write the network's arrays and spec to one file, whole or not at all.

    Raises `WeightsError` when the arrays do not fit the spec.
    """
    from safetensors.numpy import save

    checked = check_arrays(spec, arrays, str(path))
    header = json.dumps({"version": FORMAT_VERSION, "spec": spec.to_dict()})
    write_bytes(path, save(checked, {_HEADER: header}))


def load_weights(path: str | Path) -> tuple[AnyNetSpec, Arrays]:
    """Read a file that `save_weights` wrote; every array is checked against the plan.

    Raises `WeightsError` naming the file and every array that is missing, extra or mis-shaped.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="numpy") as file:
            metadata = file.metadata() or {}
            spec = _spec_from(metadata, str(path))
            names = list(file.keys())
            _check_depth(spec, names, str(path))
            _check_names(spec, names, str(path))
            _check_headers(spec, file, str(path))
            arrays = {name: file.get_tensor(name) for name in names}
    except FileNotFoundError as error:
        raise WeightsError(f"{path}: must be a weight file; got no such file") from error
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path}: must be a safetensors file; got {error}") from error
    return spec, check_arrays(spec, arrays, str(path))


def check_arrays(spec: AnyNetSpec, arrays: Mapping[str, np.ndarray], where: str) -> Arrays:
    """`arrays` in the plan's order, after checking every name, shape, dtype and value.

    Raises one `WeightsError` that lists all differences, naming layers.
    """
    _check_names(spec, arrays, where)
    wrong = []
    for name, shape in expected_shapes(spec).items():
        array = arrays[name]
        if array.shape != shape:
            wrong.append(f"{name} must have shape {shape}, got {array.shape}")
        elif array.dtype != np.float32:
            wrong.append(f"{name} must be float32, got {array.dtype}")
        elif not np.isfinite(array).all():
            wrong.append(f"{name} must be finite, got NaN or infinity")
    if wrong:
        raise WeightsError(f"{where}: arrays must fit the network's plan; {_some(wrong)}")
    return {name: np.ascontiguousarray(arrays[name]) for name in expected_shapes(spec)}


def expected_shapes(spec: AnyNetSpec) -> dict[str, tuple[int, ...]]:
    """Shape of every array of a network, trainable ones first, by canonical name."""
    return {**parameters(spec), **buffers(spec)}


def _spec_from(metadata: Mapping[str, str], where: str) -> AnyNetSpec:
    try:
        header = json.loads(metadata[_HEADER])
        version, spec = header["version"], header["spec"]
    except (KeyError, ValueError, TypeError, RecursionError) as error:
        raise WeightsError(f"{where}: metadata must hold {_HEADER}; got {error!r}") from error
    if version != FORMAT_VERSION:
        raise WeightsError(
            f"{where}: format version must be {FORMAT_VERSION}; got {version!r}; "
            "a newer release of anynet may read it"
        )
    try:
        return AnyNetSpec.from_dict(spec)
    except (SpecError, OverflowError) as error:
        raise WeightsError(f"{where}: {error}") from error


def _check_depth(spec: AnyNetSpec, names: list[str], where: str) -> None:
    """Refuse a spec of more blocks than the file has arrays, before all of them are planned."""
    blocks = sum(stage.depth for stage in spec.stages)
    if blocks > len(names):
        raise WeightsError(
            f"{where}: must hold the arrays of {blocks} blocks, as its spec says; "
            f"got {len(names)} arrays"
        )


def _check_headers(spec: AnyNetSpec, file: Any, where: str) -> None:
    """Refuse arrays of another shape or type before any of them is read."""
    wrong = []
    for name, shape in expected_shapes(spec).items():
        part = file.get_slice(name)
        got = tuple(part.get_shape())
        if got != shape:
            wrong.append(f"{name} must have shape {shape}, got {got}")
        elif part.get_dtype() != "F32":
            wrong.append(f"{name} must be float32, got {_DTYPES.get(part.get_dtype(), 'another')}")
    if wrong:
        raise WeightsError(f"{where}: arrays must fit the network's plan; {_some(wrong)}")


def _check_names(spec: AnyNetSpec, names: Iterable[str], where: str) -> None:
    have, want = set(names), expected_shapes(spec)
    missing = [name for name in want if name not in have]
    extra = sorted(have - set(want))
    if missing or extra:
        raise WeightsError(
            f"{where}: arrays must be those of the network's plan; "
            f"missing {_some(missing)}; extra {_some(extra)}"
        )


def _some(items: list[str]) -> str:
    """The items for a message, cut when there are very many."""
    if not items:
        return "none"
    more = f" and {len(items) - _MOST_NAMED} more" if len(items) > _MOST_NAMED else ""
    return ", ".join(items[:_MOST_NAMED]) + more
