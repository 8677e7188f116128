"""The `anynet` command of an installation: `common/start.py`, found by its path.

The wheel holds this file as the module `anynet_start`, beside the packages: a name that nobody
else has, since `common` may be another package.
"""

from importlib.util import find_spec
from pathlib import Path
from runpy import run_path

_PACKAGE = find_spec("anynet_torch")
if _PACKAGE is None or _PACKAGE.origin is None:
    raise ImportError("anynet: needs its packages beside the command; got none; install it again")
main = run_path(str(Path(_PACKAGE.origin).parents[1] / "common/start.py"))["main"]
