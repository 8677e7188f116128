"""timm's network for PyTorch, trained by the same step, where timm can be imported."""

from dataclasses import replace
from typing import Any

from benchmarks.cases import Case
from common.arch import count
from common.errors import BackendError

PEERS = ("timm", "timm channels-last", "timm bfloat16")
"""Every form. The last is for a GPU: channels last too, and under autocast."""


def make_peer(form: str, case: Case) -> Any:
    """Timm's RegNetY-400MF. Raises `BackendError` where it is not there, or is another network."""
    from benchmarks.plain.torch import Eager

    try:
        from timm import create_model
    except Exception as error:  # a library for another PyTorch fails in many ways
        raise BackendError(f"timm cannot be imported here; got {error!r}") from error
    net = create_model("regnety_004", num_classes=case.spec.num_classes)
    found = sum(parameter.numel() for parameter in net.parameters())
    wanted = count(replace(case.spec, conv_bias=False), case.image_size).params
    if found != wanted:
        raise BackendError(f"timm's network must have {wanted} parameters; got {found}")
    return Eager(net, channels_last=form != "timm", rounded=form == "timm bfloat16")
