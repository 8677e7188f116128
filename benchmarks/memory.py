"""Memory of this process, in bytes. Linux only."""

import ctypes
import gc
from pathlib import Path


def resident(kind: str) -> int:
    """Bytes in memory: `VmRSS` now, or `VmHWM` at most since the last reset."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(kind):
            return int(line.split()[1]) * 1024
    raise OSError(f"/proc/self/status: must hold {kind}")


def reset_peak() -> int:
    """Give free memory back and forget the peak so far; the bytes in memory now."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")
    return resident("VmRSS")
