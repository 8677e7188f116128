"""Files of named arrays in the formats of checkpoints, read without copies where possible."""

import os
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.errors import WeightsError, shortened, shown
from common.files import read_json, reading, replacing
from common.npz import LazyArray, read_npz
from common.weights.checks import some
from common.weights.files import OWN_START
from common.weights.foreign.pickles import load_pickled, torch_for
from common.weights.lazy import map_file

TORCH_SUFFIXES = (".pth", ".pt", ".pyth", ".bin")
SUFFIXES = (".safetensors", ".npz", *TORCH_SUFFIXES)
"""Suffixes that choose a format for writing; for reading, a file's content decides."""

INDEX_SUFFIX = ".index.json"
"""Of the file that says which piece of a sharded checkpoint holds which array."""

_FOLDER = ("model.safetensors", "pytorch_model.bin")
_NUMBERS = ("ema_err", "test_err")
_PIECE = re.compile(r"\w[\w.-]*", re.ASCII)
_NESTED = (Mapping, list, tuple)
_DEEPEST, _MAX_VALUES, _MAX_INDEX = 10, 10**5, 1 << 24


@dataclass
class Contents:
    """All arrays of a file by path: the keys of its nested mappings, joined with dots.

    `holders` has, for each array, the path of the mapping that holds it, empty or ending in a dot.
    `numbers` has the test errors that pycls stores beside its weights, by path.
    """

    arrays: dict[str, LazyArray] = field(default_factory=dict)
    holders: dict[str, str] = field(default_factory=dict)
    numbers: dict[str, float] = field(default_factory=dict)


def read_file(path: Path) -> Contents:
    """The arrays of a safetensors, npz or PyTorch file, whatever its suffix.

    `path` may be a folder as transformers saves a model, or the `.index.json` of a sharded
    checkpoint. Arrays of safetensors files and of PyTorch's zip files are views of the
    memory-mapped file. Only tensors and plain data are unpickled. Raises `WeightsError` naming the
    file.
    """
    if os.path.isdir(path):
        path = model_in(path)
    return _read_pieces(path) if path.name.endswith(INDEX_SUFFIX) else _read_one(path)


def _read_one(path: Path) -> Contents:
    if not os.path.isfile(path):
        raise WeightsError(f"{path}: must be a weight file; got no such file")
    match _kind(path):
        case "safetensors":
            return _flat(map_file(path).arrays)
        case "npz":
            return _flat(read_npz(path))
        case "torch":
            return _read_torch(path)
    raise WeightsError(f"{path}: must be a safetensors, npz or PyTorch file; got none of them")


def model_in(folder: Path) -> Path:
    """The weight file, or the index of its shards, in a folder of transformers or of a run."""
    names = [name + ending for name in _FOLDER for ending in ("", INDEX_SUFFIX)]
    found = [folder / name for name in names if (folder / name).is_file()]
    return found[0] if found else folder / names[0]


def is_own(path: Path) -> bool:
    """Whether `path` is a file that this project's `save_weights` wrote."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="numpy") as file:
            metadata = file.metadata() or {}
            # With a damaged key, a file of ours must not be taken for one of another library.
            return "anynet" in metadata or any(v.startswith(OWN_START) for v in metadata.values())
    except (SafetensorError, OSError):
        return False


def write_file(path: Path, arrays: Mapping[str, NDArray[Any]], wrapper: str | None = None) -> None:
    """Write named arrays in the format of the suffix, atomically.

    `wrapper` is the key of the state dict in a PyTorch file. Raises `WeightsError`.
    """
    if path.suffix not in SUFFIXES:
        raise WeightsError(
            f"{path}: must end in one of {', '.join(SUFFIXES)}; got {shown(path.suffix)}"
        )
    torch = torch_for(path) if path.suffix in TORCH_SUFFIXES else None
    with replacing(path) as temporary:
        if torch is not None:
            state = {name: torch.from_numpy(array) for name, array in arrays.items()}
            # pycls expects an epoch beside the state dict.
            torch.save({"epoch": 0, wrapper: state} if wrapper else state, temporary)
        elif path.suffix == ".npz":
            np.savez(temporary, **arrays)  # type: ignore[arg-type]
        else:
            from safetensors.numpy import save_file

            # transformers refuses files without this entry.
            save_file(dict(arrays), temporary, {"format": "pt"})


def _kind(path: Path) -> str:
    """The format of a file by its first bytes or, if they are unknown, by its suffix."""
    with path.open("rb") as file:
        start = file.read(9)
    # First, since the length of a header may look like the start of either of the others.
    if start[5:] == b"\0\0\0{":
        return "safetensors"
    if start.startswith(b"PK"):
        names = _zipped(path)
        if any(name.endswith("data.pkl") for name in names):
            return "torch"
        if names and all(name.endswith(".npy") for name in names):
            return "npz"
    elif start.startswith(b"\x80"):
        return "torch"
    return "torch" if path.suffix in TORCH_SUFFIXES else path.suffix.removeprefix(".")


def _zipped(path: Path) -> list[str]:
    try:
        with zipfile.ZipFile(path) as file:
            return file.namelist()
    except Exception:  # reported by the reader that the suffix chooses
        return []


def _read_pieces(index: Path) -> Contents:
    """The arrays of a sharded checkpoint, whose files lie beside its index."""
    what = "an index of a model's pieces"
    content = read_json(index, what, WeightsError, max_bytes=_MAX_INDEX)
    with reading(index, what, WeightsError):
        names = {str(name): str(file) for name, file in content["weight_map"].items()}
    pieces: dict[str, Contents] = {}
    for file in sorted(set(names.values())):
        if not _PIECE.fullmatch(file):
            raise WeightsError(
                f"{index}: pieces must be files beside their index; got {shown(file)}"
            )
        pieces[file] = _read_one(index.parent / file)
    missing = [name for name, file in names.items() if name not in pieces[file].arrays]
    if missing:
        raise WeightsError(
            f"{index}: pieces must hold the arrays that it names; "
            f"missing {shortened(some(missing))}"
        )
    return _flat({name: pieces[file].arrays[name] for name, file in names.items()})


def _flat(arrays: dict[str, LazyArray]) -> Contents:
    return Contents(arrays, dict.fromkeys(arrays, ""))


def _read_torch(path: Path) -> Contents:
    torch = torch_for(path)
    # Only zip files, which PyTorch writes since 1.6, can be memory-mapped.
    content = load_pickled(path, mapped=zipfile.is_zipfile(path))
    found = Contents()
    for seen, (holder, key, value) in enumerate(_values(content, "", 0)):
        if seen == _MAX_VALUES:
            raise WeightsError(f"{path}: must hold at most {_MAX_VALUES} values; got more")
        if torch.is_tensor(value):
            found.arrays[holder + key] = _from_tensor(torch, value)
            found.holders[holder + key] = holder
        elif isinstance(value, float) and key in _NUMBERS:
            found.numbers[holder + key] = value
    if not found.arrays:
        raise WeightsError(f"{path}: must hold named tensors; got {type(content).__name__}")
    return found


def _values(content: Any, holder: str, depth: int) -> Iterator[tuple[str, str, Any]]:
    """Every value in nested mappings, with the path of its mapping and its key.

    Lists and tuples count as mappings from positions; only nested containers in them are followed.
    """
    if depth > _DEEPEST:
        return
    if isinstance(content, list | tuple):
        content = {i: item for i, item in enumerate(content) if isinstance(item, _NESTED)}
    if not isinstance(content, Mapping):
        return
    for name, value in content.items():
        yield holder, str(name), value
        yield from _values(value, f"{holder}{name}.", depth + 1)


def _from_tensor(torch: Any, tensor: Any) -> LazyArray:
    shape = tuple(tensor.shape)
    if tensor.dtype == torch.bfloat16:
        return LazyArray(shape, "bfloat16", lambda: np.asarray(tensor.detach().float().numpy()))
    name = str(tensor.dtype).removeprefix("torch.")
    if tensor.layout != torch.strided or tensor.is_meta:
        name = f"{tensor.device} {tensor.layout} {name}"
    return LazyArray(shape, name, lambda: np.asarray(tensor.detach().numpy()))
