"""One safetensors file per network: canonical arrays, and the spec in the metadata.

A training state is the same file with momentum buffers beside the weights and the position of its
run beside the spec.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from common.arch import AnyNetSpec
from common.errors import SpecError, WeightsError
from common.files import write_bytes
from common.weights.checks import MOMENTUM, Found, check_depth, check_found, check_values
from common.weights.initial import Arrays
from common.weights.mapped import Stored, map_file

FORMAT_VERSION = 1

State = dict[str, NDArray[Any]]
"""Weights, running statistics and momentum buffers by canonical name, float32 or float64."""

# One metadata entry: safetensors writes several in random order, and equal networks must give
# equal bytes.
_HEADER = "anynet"


def save_weights(path: str | Path, spec: AnyNetSpec, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write the network's arrays and spec to one file, whole or not at all.

    Raises `WeightsError` when the arrays do not fit the spec.
    """
    _write(path, spec, check_arrays(spec, arrays, str(path)), {})


def load_weights(path: str | Path) -> tuple[AnyNetSpec, Arrays]:
    """The spec and the float32 weights of a weight file or a training state.

    Every name, shape and type is checked against the plan before an array is read. Raises one
    `WeightsError` that names the file and all arrays that do not fit.
    """
    spec, arrays, _ = read_contents(path)
    weights = {
        n: a.astype(np.float32, copy=False) for n, a in arrays.items() if not n.endswith(MOMENTUM)
    }
    return spec, weights


def load_spec(path: str | Path) -> AnyNetSpec:
    """The spec of a weight file or a training state, checked as far as its arrays are not read.

    Raises `WeightsError`.
    """
    return _open(path).spec


def save_state(
    path: str | Path,
    spec: AnyNetSpec,
    arrays: Mapping[str, NDArray[Any]],
    training: Mapping[str, Any],
) -> None:
    """Write a training state to one file, whole or not at all.

    `training` is plain data for JSON: where the run stands. Raises `WeightsError`.
    """
    _write(path, spec, check_arrays(spec, arrays, str(path), training=True), {"training": training})


def load_state(path: str | Path) -> tuple[AnyNetSpec, State, dict[str, Any]]:
    """What `save_state` wrote: spec, arrays and where the run stands. Raises `WeightsError`."""
    spec, arrays, training = read_contents(path)
    if training is None:
        raise WeightsError(f"{path}: must be a training state; got weights alone")
    return spec, arrays, training


def read_contents(path: str | Path) -> tuple[AnyNetSpec, State, dict[str, Any] | None]:
    """Spec and arrays of either kind of file, and for a training state where the run stands.

    Arrays are views of the file, mapped into memory. Raises `WeightsError`.
    """
    opened = _open(path)
    arrays = {name: stored.read() for name, stored in opened.arrays.items()}
    check_values(arrays, str(path))
    return opened.spec, arrays, opened.training


def check_arrays(
    spec: AnyNetSpec, arrays: Mapping[str, NDArray[Any]], where: str, training: bool = False
) -> State:
    """`arrays` in the plan's order, after checking every name, shape, dtype and value.

    Raises one `WeightsError` that lists all differences, naming layers.
    """
    found = {name: Found(array.shape, array.dtype.name) for name, array in arrays.items()}
    order = check_found(spec, found, where, training)
    check_values(arrays, where)
    return {name: np.ascontiguousarray(arrays[name]) for name in order}


def _write(
    path: str | Path, spec: AnyNetSpec, arrays: State, more: Mapping[str, Mapping[str, Any]]
) -> None:
    from safetensors.numpy import save

    header = json.dumps({"version": FORMAT_VERSION, "spec": spec.to_dict(), **more})
    write_bytes(path, save(arrays, {_HEADER: header}))


class _Opened(NamedTuple):
    """A file whose header fits the plan: arrays in the plan's order, not read yet."""

    spec: AnyNetSpec
    arrays: dict[str, Stored]
    training: dict[str, Any] | None


def _open(path: str | Path) -> _Opened:
    where, mapped = str(path), map_file(path)
    spec, training = _from_header(mapped.metadata, where)
    check_depth(spec, mapped.arrays, where)
    found = {name: Found(item.shape, item.dtype) for name, item in mapped.arrays.items()}
    order = check_found(spec, found, where, training is not None)
    return _Opened(spec, {name: mapped.arrays[name] for name in order}, training)


def _from_header(
    metadata: Mapping[str, str], where: str
) -> tuple[AnyNetSpec, dict[str, Any] | None]:
    try:
        header = json.loads(metadata[_HEADER])
        version, spec, training = header["version"], header["spec"], header.get("training")
    except (KeyError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise WeightsError(f"{where}: metadata must hold {_HEADER}; got {error!r}") from error
    if version != FORMAT_VERSION:
        raise WeightsError(
            f"{where}: format version must be {FORMAT_VERSION}; got {version!r}; "
            "a newer release of anynet may read it"
        )
    if training is not None and not isinstance(training, dict):
        raise WeightsError(f"{where}: training must be an object; got {training!r}")
    try:
        return AnyNetSpec.from_dict(spec), training
    except (SpecError, OverflowError) as error:
        raise WeightsError(f"{where}: {error}") from error
