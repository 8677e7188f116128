"""One description of AnyNet and RegNet for every framework; imports none of them."""

from common.arch import (
    REGNETX32,
    AnyNetSpec,
    Count,
    MLPSpec,
    RegNetSpec,
    StageSpec,
    count,
    plan,
    regnet,
)

__all__ = [
    "REGNETX32",
    "AnyNetSpec",
    "Count",
    "MLPSpec",
    "RegNetSpec",
    "StageSpec",
    "count",
    "plan",
    "regnet",
]
