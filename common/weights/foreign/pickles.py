"""PyTorch's pickled files: tensors, beside which values of listed types are skipped.

PyTorch's restricted unpickler reads them. The types listed below, which training scripts save
beside the weights, are replaced by placeholders: they are neither imported nor instantiated. Any
other type is refused by name.
"""

import importlib
import re
import warnings
from collections import OrderedDict
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from common.errors import WeightsError, shortened, told
from common.installs import how_to_install

_NUMPY = "bool bool_ int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 str_"
_VALUES = {
    "argparse": "Namespace",
    "types": "SimpleNamespace",
    "datetime": "date datetime time timedelta timezone",
    "pathlib": "Path PosixPath WindowsPath PurePath PurePosixPath PureWindowsPath",
    "pathlib._local": "Path PosixPath WindowsPath PurePath PurePosixPath PureWindowsPath",
    "decimal": "Decimal",
    "fractions": "Fraction",
    "uuid": "UUID SafeUUID",
    "builtins": "bool bytes dict float frozenset int list object range slice str tuple",
    "typing": "Any",
    "numpy": f"{_NUMPY} dtype ndarray",
    "numpy.core.multiarray": "scalar _reconstruct",
    "numpy._core.multiarray": "scalar _reconstruct",
    "numpy.core.numeric": "_frombuffer",
    "numpy._core.numeric": "_frombuffer",
    "numpy.dtypes": "BoolDType Int32DType Int64DType Float16DType Float32DType Float64DType",
    "torch.torch_version": "TorchVersion",
    "torch.optim.sgd": "SGD",
    "torch.optim.adam": "Adam",
    "torch.optim.adamw": "AdamW",
    "torch.optim.rmsprop": "RMSprop",
    "torch.optim.lr_scheduler": (
        "ConstantLR CosineAnnealingLR CosineAnnealingWarmRestarts CyclicLR ExponentialLR LambdaLR "
        "LinearLR MultiStepLR OneCycleLR PolynomialLR ReduceLROnPlateau SequentialLR StepLR"
    ),
    "pytorch_lightning.callbacks.early_stopping": "EarlyStopping",
    "pytorch_lightning.callbacks.model_checkpoint": "ModelCheckpoint",
    "torch.amp.grad_scaler": "GradScaler OptState",
    "torch.cuda.amp.grad_scaler": "GradScaler OptState",
    "omegaconf.base": "Metadata ContainerMetadata",
    "omegaconf.dictconfig": "DictConfig",
    "omegaconf.listconfig": "ListConfig",
    "omegaconf.nodes": "AnyNode BooleanNode EnumNode FloatNode IntegerNode PathNode StringNode",
}
_MAPPINGS = {
    "collections": "defaultdict",
    "yacs.config": "CfgNode",
    "fvcore.common.config": "CfgNode",
    "easydict": "EasyDict",
    "addict.addict": "Dict",
    "pytorch_lightning.utilities.parsing": "AttributeDict",
    "lightning.pytorch.utilities.parsing": "AttributeDict",
    "lightning_fabric.utilities.data": "AttributeDict",
    "lightning.fabric.utilities.data": "AttributeDict",
}
_SEQUENCES = {"collections": "deque"}


class _Value:
    """Placeholder for a value of any type, whose content is discarded."""

    def __new__(cls, *_: Any) -> Any:
        return object.__new__(cls)

    def __init__(self, *_: Any) -> None:
        """Accept the arguments of the pickled constructor."""

    def __setstate__(self, state: Any) -> None:
        """Accept the state of the pickled object."""


class _Mapping:
    """Placeholder for a dictionary of any type, which becomes an `OrderedDict`."""

    def __new__(cls, *_: Any) -> Any:
        return OrderedDict()


class _Sequence:
    """Placeholder for a list of any type, which becomes a `list`."""

    def __new__(cls, *_: Any) -> Any:
        return []


def _placeholders() -> list[type]:
    """A class for each listed type; the unpickler finds it by module and name."""
    return [
        type(name, (stand_in,), {"__module__": module, "__qualname__": name})
        for stand_in, modules in ((_Value, _VALUES), (_Mapping, _MAPPINGS), (_Sequence, _SEQUENCES))
        for module, names in modules.items()
        for name in names.split()
    ]


_PLACEHOLDERS = _placeholders()


def load_pickled(path: Path, mapped: bool) -> Any:
    """What `torch.save` wrote: tensors, memory-mapped if `mapped`, and plain data.

    Raises `WeightsError` that names the type which is refused.
    """
    torch = torch_for(path)
    # Given a path with this suffix, `torch.load` would expect a safetensors file.
    mapped = mapped and path.suffix != ".safetensors"
    try:
        with ExitStack() as stack:
            stack.enter_context(torch.serialization.safe_globals(_PLACEHOLDERS))
            stack.enter_context(warnings.catch_warnings())
            # PyTorch warns of pickle protocols above 2, and fails where it does not know them.
            warnings.simplefilter("ignore")
            source = path if mapped else stack.enter_context(path.open("rb"))
            return torch.load(source, map_location="cpu", weights_only=True, mmap=mapped)
    except Exception as error:  # unpickling fails in as many ways as files are broken
        raise WeightsError(
            f"{path}: must hold tensors and plain data only; got {_reason(error)}; "
            "save model.state_dict() instead of the model"
        ) from error


def torch_for(path: Path) -> Any:
    """PyTorch, which is imported only to read and write its own files. Raises `WeightsError`."""
    try:
        return importlib.import_module("torch")
    except (ImportError, OSError) as error:  # OSError comes from a shared library
        raise WeightsError(
            f"{path}: needs PyTorch; got {told(error)}; {how_to_install('torch')}, "
            "or give a .safetensors file"
        ) from error


def _reason(error: Exception) -> str:
    text = str(error)
    if named := re.search(r"GLOBAL (\S+) (?:was not|whose module)", text):
        return f"a value of type {shortened(named[1])}"
    if "TorchScript" in text:
        return "a TorchScript archive"
    if "Unsupported operand" in text:
        return "a damaged pickle, or one of another protocol than torch.save's usual 2"
    _, _, detail = text.rpartition("WeightsUnpickler error: ")
    return shortened(next(iter(detail.strip().splitlines()), "") or type(error).__name__)
