"""NVIDIA devices that the operating system knows, whether or not a framework sees them."""

import os
import re
import shutil
import subprocess
from pathlib import Path

_PATIENCE = 10
"""Time limit of `nvidia-smi` in seconds: it hangs when the driver does."""

_HIDING = ("", "-1", "NoDevFiles")
"""Values of $CUDA_VISIBLE_DEVICES that hide all devices."""


def find_nvidia(root: str | Path = "/") -> str | None:
    """The name of an NVIDIA device of this machine, or None.

    Reads the driver's files under `root` (Linux), then asks `nvidia-smi` (Windows and WSL). None
    also if $CUDA_VISIBLE_DEVICES hides all devices.
    """
    if os.environ.get("CUDA_VISIBLE_DEVICES") in _HIDING:
        return None
    return _shown_by_driver(Path(root)) or _told_by_tool()


def _shown_by_driver(root: Path) -> str | None:
    for about in sorted(root.glob("proc/driver/nvidia/gpus/*/information")):
        model = re.search(r"^Model:\s*(\S.*)$", _text(about), re.MULTILINE)
        return model[1].strip() if model else "of unknown model"
    nodes = sorted(root.glob("dev/nvidia[0-9]*"))
    return f"/{nodes[0].relative_to(root)}" if nodes else None


def _told_by_tool() -> str | None:
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return None
    try:
        done = subprocess.run(
            [tool, "-L"], capture_output=True, text=True, errors="replace", timeout=_PATIENCE
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    if done.returncode or "no devices" in done.stdout.lower():
        return None
    found = re.search(r"^GPU \d+: (.+?)(?: \(UUID.*)?$", done.stdout, re.MULTILINE)
    return found[1] if found else "that nvidia-smi does not name"


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
