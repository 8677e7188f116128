"""Files of named arrays in the formats that checkpoints come in, read without copies."""

import importlib
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.errors import WeightsError
from common.files import replacing
from common.weights.files import OWN_START
from common.weights.mapped import Stored, map_file
from common.weights.npz import read_npz

TORCH_SUFFIXES = (".pth", ".pt", ".pyth", ".bin")
SUFFIXES = (".safetensors", ".npz", *TORCH_SUFFIXES)
_WRAPPERS = ("model_state", "state_dict", "model")


def read_file(path: Path) -> dict[str, Stored]:
    """The arrays of a `.safetensors`, `.npz` or PyTorch file by name.

    Arrays of safetensors and of PyTorch's zip files are views of the file, mapped into memory:
    they cost their size once, when they are used. Nothing is ever unpickled but tensors and plain
    data. Raises `WeightsError` naming the file.
    """
    if not path.is_file():
        raise WeightsError(f"{path}: must be a weight file; got no such file")
    if path.suffix == ".safetensors":
        return map_file(path).arrays
    if path.suffix == ".npz":
        return read_npz(path)
    if path.suffix in TORCH_SUFFIXES:
        return _read_torch(path)
    raise WeightsError(f"{path}: must end in one of {', '.join(SUFFIXES)}; got {path.suffix!r}")


def is_own(path: Path) -> bool:
    """Whether `path` is a file that this project's `save_weights` wrote."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="numpy") as file:
            metadata = file.metadata() or {}
            # A damaged key must not turn a file of ours into one whose spec is guessed.
            return "anynet" in metadata or any(v.startswith(OWN_START) for v in metadata.values())
    except (SafetensorError, OSError):
        return False


def write_file(path: Path, arrays: Mapping[str, NDArray[Any]], wrapper: str | None = None) -> None:
    """Write named arrays in the format of the suffix, whole or not at all.

    `wrapper` is the key that holds them in a PyTorch file. Raises `WeightsError`.
    """
    if path.suffix not in SUFFIXES:
        raise WeightsError(f"{path}: must end in one of {', '.join(SUFFIXES)}; got {path.suffix!r}")
    torch = _torch(path) if path.suffix in TORCH_SUFFIXES else None
    with replacing(path) as temporary:
        if torch is not None:
            state = {name: torch.from_numpy(array) for name, array in arrays.items()}
            # pycls reads an epoch beside the state.
            torch.save({"epoch": 0, wrapper: state} if wrapper else state, temporary)
        elif path.suffix == ".npz":
            np.savez(temporary, **arrays)  # type: ignore[arg-type]
        else:
            from safetensors.numpy import save_file

            # transformers refuses files that do not say whose layout they are in.
            save_file(dict(arrays), temporary, {"format": "pt"})


def _read_torch(path: Path) -> dict[str, Stored]:
    torch = _torch(path)
    try:
        # Files of PyTorch before 1.6 are no zip files and cannot be mapped.
        content = torch.load(
            path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path)
        )
    except Exception as error:  # unpickling fails in as many ways as files are broken
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise WeightsError(
            f"{path}: must hold tensors and plain data only; got {reason}; "
            "save model.state_dict() instead of the model"
        ) from error
    state = _unwrapped(content)
    if not isinstance(state, Mapping) or not all(map(torch.is_tensor, state.values())):
        raise WeightsError(
            f"{path}: must hold named tensors, by themselves or under "
            f"{', '.join(_WRAPPERS)}; got {type(content).__name__}"
        )
    return {str(name): _from_tensor(torch, tensor) for name, tensor in state.items()}


def _unwrapped(content: Any) -> Any:
    while isinstance(content, Mapping):
        # As pycls loads its own checkpoints: the averaged weights where they were the better ones.
        averaged, plain = (content.get(name, 100.0) for name in ("ema_err", "test_err"))
        better = isinstance(averaged, float) and isinstance(plain, float) and averaged < plain
        names = ("ema_state", *_WRAPPERS) if better else _WRAPPERS
        wrappers = [key for key in names if isinstance(content.get(key), Mapping)]
        if not wrappers:
            return content
        content = content[wrappers[0]]
    return content


def _from_tensor(torch: Any, tensor: Any) -> Stored:
    shape = tuple(tensor.shape)
    if tensor.dtype == torch.bfloat16:
        return Stored(shape, "bfloat16", lambda: np.asarray(tensor.detach().float().numpy()))
    name = str(tensor.dtype).removeprefix("torch.")
    if tensor.layout != torch.strided or tensor.is_meta:
        name = f"{tensor.device} {tensor.layout} {name}"
    return Stored(shape, name, lambda: np.asarray(tensor.detach().numpy()))


def _torch(path: Path) -> Any:
    """PyTorch, which alone reads and writes its files and is imported for nothing else."""
    try:
        return importlib.import_module("torch")
    except ImportError as error:
        raise WeightsError(
            f"{path}: needs PyTorch; got an environment without it; pip install 'anynet[torch]', "
            "or give a .safetensors file"
        ) from error
