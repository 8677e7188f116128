"""One description of AnyNet and RegNet for every framework; imports none of them."""

from common.arch import REGNETX32, AnyNetSpec, Count, StageSpec, count, plan

__all__ = ["REGNETX32", "AnyNetSpec", "Count", "StageSpec", "count", "plan"]
