"""AnyNet and RegNet without a framework: what a network is, its layers and what it costs."""

import os
import sys
from itertools import pairwise

# `python -m common` puts the working directory first on the import path, where a folder `numpy`
# would hide NumPy. (While Python looks for the module, `sys.argv[0]` is "-m".)
_ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
_IS_PROGRAM = sys.argv[:1] == ["-m"] and any(
    option == "-m" and module.partition(".")[0] == "common"
    for option, module in pairwise(sys.orig_argv)
)
if _IS_PROGRAM and not sys.flags.safe_path and os.path.realpath(sys.path[0]) != _ROOT:
    del sys.path[0]

from common.arch import (  # noqa: E402
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
