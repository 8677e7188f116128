"""Other libraries' networks for PyTorch, trained by the same step, where they can be imported."""

from dataclasses import replace
from typing import Any

from benchmarks.cases import Case
from common.arch import count
from common.errors import BackendError

PEERS = ("timm", "timm channels-last")
"""Forms on a CPU."""

_ROUNDED = ("bfloat16", "compiled")
"""Forms on a GPU: under autocast, the second by `torch.compile`; channels last but for plain."""

GPU_PEERS = tuple(
    f"{name} {form}" for name in ("plain", "timm", "torchvision") for form in _ROUNDED
)
"""Forms on a GPU, where plain is the network as the chapter would write it."""


def make_peer(form: str, case: Case) -> Any:
    """A library's network. Raises `BackendError` where it is not there, or is another network."""
    from benchmarks.plain.torch import Eager, network

    library, _, kind = form.partition(" ")
    net = network(case.spec) if library == "plain" else _made(library, case)
    if library != "plain":
        _check_size(library, net, case)
    return Eager(
        net,
        channels_last=bool(kind) and library != "plain",
        rounded=kind in _ROUNDED,
        compiled=kind == "compiled",
    )


def _made(library: str, case: Case) -> Any:
    """RegNetY-400MF of timm or torchvision."""
    classes = case.spec.num_classes
    try:
        if library == "timm":
            from timm import create_model

            return create_model("regnety_004", num_classes=classes)
        from torchvision.models import regnet_y_400mf

        return regnet_y_400mf(num_classes=classes)
    except Exception as error:  # a library for another PyTorch fails in many ways
        raise BackendError(f"{library} cannot be imported here; got {error!r}") from error


def _check_size(library: str, net: Any, case: Case) -> None:
    found = sum(parameter.numel() for parameter in net.parameters())
    wanted = count(replace(case.spec, conv_bias=False), case.image_size).params
    if found != wanted:
        raise BackendError(f"{library}'s network must have {wanted} parameters; got {found}")
