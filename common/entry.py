"""The console script `anynet` of an installed wheel: runs `common/start.py` by its path.

The wheel installs this file as the module `anynet_start`: a script that imported `common.start`
might get another project's package `common`.
"""

from importlib.util import find_spec
from pathlib import Path
from runpy import run_path

_PACKAGE = find_spec("anynet_torch")
if _PACKAGE is None or _PACKAGE.origin is None:
    raise ImportError("anynet: needs its packages beside the command; got none; install it again")
main = run_path(str(Path(_PACKAGE.origin).parents[1] / "common/start.py"))["main"]
