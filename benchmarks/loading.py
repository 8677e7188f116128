"""What loading weights costs in memory: peak above the model, for RegNetY-16GF (334 MB).

Run it in the environment of its backend: `python benchmarks/loading.py torch`. Linux only.
"""

import ctypes
import gc
import subprocess
import sys
import tempfile
from pathlib import Path

from common import REGNETX32, AnyNetSpec
from common.backends import load_backend
from common.weights import initial_weights, save_weights
from common.weights.foreign import export_weights, import_weights

SPEC = AnyNetSpec.from_arch(
    ((2, 224, 112, 1), (4, 448, 112, 1), (11, 1232, 112, 1), (1, 3024, 112, 1)),
    stem_channels=32,
    num_classes=1000,
    in_channels=3,
    conv_bias=False,
    se_ratio=0.25,
)
OWN = "own.safetensors"
FILES = (OWN, "torchvision.safetensors", "torchvision.pth", "torchvision.npz")


def resident(kind: str) -> int:
    """Bytes in memory: `VmRSS` now, or `VmHWM` at most since the last reset."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(kind):
            return int(line.split()[1]) * 1024
    raise OSError(f"/proc/self/status: must hold {kind}")


def measure(backend: str, path: Path) -> None:
    """Print the peak above the model while `path` is loaded, per byte of the file.

    This project's own file is loaded as users do; what is left in the end is the model. Another
    library's file is put into a model that is already there.
    """
    anynet, size = load_backend(backend), path.stat().st_size
    own = path.name == OWN
    network = anynet.create(REGNETX32 if own else SPEC)
    before = resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")
    if own:
        network = anynet.load(path)
    else:
        anynet.set_weights(network, import_weights(path)[1])
    peak = resident("VmHWM")
    assert network.spec == SPEC
    if own:
        gc.collect()
        ctypes.CDLL(None).malloc_trim(0)
        before = resident("VmRSS")
    peak -= before
    print(f"{backend} {path.name}: {peak / 1e6:.0f} MB, {peak / size:.2f} of {size / 1e6:.0f} MB")


def main(backend: str) -> None:
    """Write one file per format and load each in a fresh process."""
    with tempfile.TemporaryDirectory() as folder:
        arrays = initial_weights(SPEC)
        for name in FILES:
            path = Path(folder) / name
            if path.suffix == ".pth" and backend != "torch":
                continue
            if name == OWN:
                save_weights(path, SPEC, arrays)
            else:
                export_weights(path, SPEC, arrays, "torchvision")
            subprocess.run([sys.executable, __file__, backend, path], check=True)
            path.unlink()


if __name__ == "__main__":
    if len(sys.argv) == 3:
        measure(sys.argv[1], Path(sys.argv[2]))
    else:
        main(sys.argv[1])
