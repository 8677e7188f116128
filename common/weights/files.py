"""One safetensors file per network: canonical arrays, and the spec in the metadata.

A training state is the same kind of file; it also has momentum buffers and, in the metadata, the
progress of its run. Two digests in the metadata detect damage: the header's is checked whenever a
file is opened, the arrays' when they are read.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xxhash
from numpy.typing import NDArray

from common.arch import AnyNetSpec
from common.data.description import ImageDescription
from common.errors import AnyNetError, WeightsError, shortened
from common.files import check_format, replacing
from common.weights.checks import ArrayInfo, check_depth, check_found, check_values
from common.weights.initial import Arrays
from common.weights.lazy import SafetensorsFile, map_file
from common.weights.state import is_weight

FORMAT = 2
"""Format of the files that are written; format 1, without digests, is read, too."""

_REMEDY = "anynet convert reads files of other libraries"

State = dict[str, NDArray[Any]]
"""Weights, running statistics and momentum buffers by canonical name, float32 or float64."""

# One metadata entry, since safetensors writes several in random order, and equal networks must give
# equal bytes.
_HEADER = "anynet"

OWN_START = '{"digest": '
"""How the value of that entry begins."""

_NO_DIGEST = "0" * 32
"""Placeholder for a digest while the header is hashed."""


def save_weights(
    path: str | Path,
    spec: AnyNetSpec,
    arrays: Mapping[str, NDArray[Any]],
    images: ImageDescription | None = None,
) -> None:
    """Write a network's spec and canonical float32 arrays to one file, atomically.

    Raises `WeightsError` if the arrays do not fit the spec or are not finite.
    """
    write_contents(path, weights_contents(path, spec, arrays, images))


def weights_contents(
    path: str | Path,
    spec: AnyNetSpec,
    arrays: Mapping[str, NDArray[Any]],
    images: ImageDescription | None = None,
) -> "Contents":
    """What `save_weights` writes to `path`. Raises `WeightsError`."""
    return _contents(spec, check_arrays(spec, arrays, str(path)), _described(images))


def load_weights(path: str | Path) -> tuple[AnyNetSpec, Arrays]:
    """The spec and the float32 weights in a weight file or a training state.

    Names, shapes and dtypes are checked against the plan before any array is read; then the arrays
    against their digest. Raises one `WeightsError` that names the file and all arrays that do not
    fit.
    """
    spec, arrays, _ = read_contents(path)
    weights = {
        name: array.astype(np.float32, copy=False)
        for name, array in arrays.items()
        if is_weight(name)
    }
    return spec, weights


def load_spec(path: str | Path) -> AnyNetSpec:
    """The spec in a weight file or a training state; arrays are checked but not read.

    Raises `WeightsError`.
    """
    return _open(path).spec


def load_description(path: str | Path) -> ImageDescription | None:
    """How the network in a file sees images, and its class names; None where it does not say.

    The arrays are not read. Raises `WeightsError`.
    """
    return _open(path).images


def file_digest(path: str | Path) -> str | None:
    """The digest in a file's header, which covers the whole file; `None` before format 2.

    The arrays are not read. Raises `WeightsError`.
    """
    return _open(path).digest


def save_state(
    path: str | Path,
    spec: AnyNetSpec,
    arrays: Mapping[str, NDArray[Any]],
    training: Mapping[str, Any],
    images: ImageDescription | None = None,
) -> None:
    """Write a training state to one file, atomically.

    - `path`: the file, which is replaced.
    - `spec`: the network.
    - `arrays`: what `Learner.state` returns, float32 or float64.
    - `training`: the progress of the run, as JSON.

    Raises `WeightsError` if the arrays do not fit the spec or are not finite.
    """
    checked = check_arrays(spec, arrays, str(path), training=True)
    write_contents(path, _contents(spec, checked, {"training": training, **_described(images)}))


def load_state(path: str | Path) -> tuple[AnyNetSpec, State, dict[str, Any]]:
    """What `save_state` wrote: spec, arrays and progress of the run. Raises `WeightsError`."""
    spec, arrays, training = read_contents(path)
    if training is None:
        raise WeightsError(f"{path}: must be a training state; got weights alone")
    return spec, arrays, training


def read_contents(path: str | Path) -> tuple[AnyNetSpec, State, dict[str, Any] | None]:
    """Spec and arrays of either kind of file, and the progress of the run in a training state.

    Arrays are views of the memory-mapped file. Raises `WeightsError`.
    """
    opened = _open(path)
    if opened.digest is not None and _digest(opened.mapped.data) != opened.arrays_digest:
        raise WeightsError(f"{path}: arrays must be as they were written; got others{_DAMAGED}")
    arrays = {name: opened.mapped.arrays[name].read() for name in opened.order}
    check_values(arrays, str(path))
    return opened.spec, arrays, opened.training


def check_arrays(
    spec: AnyNetSpec, arrays: Mapping[str, NDArray[Any]], where: str, training: bool = False
) -> State:
    """`arrays` in the plan's order, if every name, shape, dtype and value fits the spec.

    Parameters are those of `check_found`. Raises one `WeightsError` that lists all differences.
    """
    found = {name: ArrayInfo(array.shape, array.dtype.name) for name, array in arrays.items()}
    order = check_found(spec, found, where, training)
    check_values(arrays, where)
    return {name: np.asarray(arrays[name], order="C") for name in order}


class Contents(NamedTuple):
    """A file to be written, in two parts; `digest` covers both."""

    digest: str
    header: bytes
    data: memoryview


def _contents(spec: AnyNetSpec, arrays: State, more: Mapping[str, Mapping[str, Any]]) -> Contents:
    """The file of checked arrays; `more` is added to the metadata."""
    from safetensors.numpy import save

    digests = {"digest": _NO_DIGEST, "arrays": _NO_DIGEST}
    metadata = json.dumps({**digests, "format": FORMAT, "spec": spec.to_dict(), **more})
    written = save(arrays, {_HEADER: metadata})
    start = 8 + int.from_bytes(written[:8], "little")
    header, data = written[:start], memoryview(written)[start:]
    header = _with_digest(header, "arrays", _digest(data))
    digest = _digest(header)
    return Contents(digest, _with_digest(header, "digest", digest), data)


def _described(images: ImageDescription | None) -> dict[str, Mapping[str, Any]]:
    return {} if images is None else {"images": images.to_dict()}


def write_contents(path: str | Path, contents: Contents) -> None:
    """Write a file atomically."""
    with replacing(path) as temporary, temporary.open("wb") as file:
        file.write(contents.header)
        file.write(contents.data)


def _digest(data: bytes | memoryview) -> str:
    return xxhash.xxh3_128_hexdigest(data)


def _with_digest(header: bytes, name: str, digest: str) -> bytes:
    """A safetensors header in which `digest` replaces the placeholder."""
    before, after = (rf"\"{name}\": \"{value}\"".encode() for value in (_NO_DIGEST, digest))
    return header.replace(before, after, 1)


class _Opened(NamedTuple):
    """A file whose names, shapes and dtypes fit the plan; its arrays are not read yet."""

    spec: AnyNetSpec
    mapped: SafetensorsFile
    order: list[str]
    training: dict[str, Any] | None
    images: ImageDescription | None
    digest: str | None
    arrays_digest: str | None


class _Header(NamedTuple):
    """The metadata's content."""

    spec: AnyNetSpec
    training: dict[str, Any] | None
    images: ImageDescription | None = None
    digest: str | None = None
    arrays_digest: str | None = None


def _open(path: str | Path) -> _Opened:
    where, mapped = str(path), map_file(path, _REMEDY)
    header = _from_header(mapped, where)
    check_depth(header.spec, mapped.arrays, where)
    found = {name: ArrayInfo(item.shape, item.dtype) for name, item in mapped.arrays.items()}
    order = check_found(header.spec, found, where, header.training is not None)
    return _Opened(header.spec, mapped, order, *header[1:])


def _from_header(mapped: SafetensorsFile, where: str) -> _Header:
    try:
        header = json.loads(mapped.metadata[_HEADER])
        digests = _checked_digests(header, mapped.header, where)
        spec, training = header["spec"], header.get("training")
        described = header.get("images")
    except WeightsError:
        raise
    except (KeyError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise WeightsError(
            f"{where}: metadata must hold {_HEADER}; got {shortened(repr(error))}; {_REMEDY}"
        ) from error
    if training is not None and not isinstance(training, dict):
        raise WeightsError(f"{where}: training must be an object; got {shortened(training)}")
    try:
        images = None if described is None else ImageDescription.from_dict(described)
        return _Header(AnyNetSpec.from_dict(spec), training, images, *digests)
    except (AnyNetError, OverflowError) as error:
        raise WeightsError(f"{where}: {error}") from error


def _checked_digests(
    header: dict[str, Any], raw: bytes, where: str
) -> tuple[str | None, str | None]:
    """The digests of the file, which is checked, and of its arrays; `None` before format 2."""
    if "format" not in header:
        if header["version"] != 1:
            raise WeightsError(
                f"{where}: format version must be 1; got {shortened(header['version'])}; "
                "a newer release reads it"
            )
        return None, None
    check_format(header["format"], FORMAT, where, WeightsError)
    digest, arrays = header["digest"], header["arrays"]
    fits = len(digest) == len(_NO_DIGEST)
    if not fits or _digest(raw.replace(digest.encode(), _NO_DIGEST.encode())) != digest:
        raise WeightsError(f"{where}: header must be as it was written; got another{_DAMAGED}")
    return digest, arrays


_DAMAGED = "; the file is damaged, or was changed by another program: take it from a copy"
