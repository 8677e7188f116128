"""Runs on photos in every framework, whose files all frameworks and ONNX Runtime must read alike.

`python -m tests.deployed train BACKEND FOLDER`, in the environment of each backend;
`python -m tests.deployed predict BACKEND FOLDER`, the same, when all have trained;
`python -m tests.deployed compare FOLDER`, in any of them.
"""

import json
import sys
from pathlib import Path

import numpy as np
from click.testing import CliRunner
from numpy.typing import NDArray

from common import AnyNetSpec
from common.backends import start_backend
from common.cli import main
from common.data import prepared_pixels
from common.data.sources import find_images
from common.data.transform import normalised
from common.weights import load_description
from tests.photos import CLASSES, make_photos

_TOLERANCE = 1e-5
_SPEC = AnyNetSpec.from_arch(((1, 16, 8, 1, 2), (1, 32, 8, 1, 2)), 8, len(CLASSES), 3)
_MODEL = "model.safetensors"


def _train(backend: str, folder: Path) -> None:
    """A run of this framework on the photos of `folder`, which are made by the first one."""
    if not (folder / "photos").exists():
        make_photos(folder / "photos")
    spec = folder / "spec.json"
    spec.write_text(json.dumps(_SPEC.to_dict()))
    command = (
        "train", "--backend", backend, "--data", folder / "photos", "--model", spec,
        "--image-size", 32, "--epochs", 5, "--batch-size", 16, "--recipe", "population",
        "--lr", 0.1, "--augment", "flip", "--device", "cpu", "--out", folder / "runs" / backend,
    )  # fmt: skip
    done = CliRunner().invoke(main, [str(word) for word in command])
    if done.exit_code:
        raise SystemExit(done.output)


def _predict(backend: str, folder: Path) -> None:
    """Logits of the validation photos by the networks of all runs, in this framework."""
    module = start_backend(backend)
    for run in sorted((folder / "runs").iterdir()):
        pixels, _ = _photos(folder, run / _MODEL)
        seen = load_description(run / _MODEL)
        assert seen is not None
        images = normalised(pixels.astype(np.float32) / np.float32(255), seen.preprocessing)
        np.save(run / f"{backend}.npy", module.logits(module.load(run / _MODEL), images))
        if backend == "mx":  # whose environment has ONNX Runtime
            np.save(run / "onnx.npy", _by_onnx(run, pixels))


def _by_onnx(run: Path, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    from onnxruntime import InferenceSession

    out = run / "pixels.onnx"
    command = ["export", str(run), "--format", "onnx", "--with-preprocessing", "--out", str(out)]
    done = CliRunner().invoke(main, command)
    if done.exit_code:
        raise SystemExit(done.output)
    session = InferenceSession(out, providers=["CPUExecutionProvider"])
    logits: NDArray[np.float32] = session.run(["logits"], {"pixels": pixels})[0]
    return logits


def _photos(folder: Path, model: Path) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Pixels of the validation photos, resized and cropped as a weight file says, and labels."""
    source, seen = find_images(folder / "photos").val, load_description(model)
    assert seen is not None
    images = (source.read(index) for index in range(len(source)))
    return np.stack([prepared_pixels(image, seen.preprocessing) for image in images]), source.labels


def _compare(folder: Path) -> None:
    """Fail unless all give the same classes, and logits within the tolerance; print the largest."""
    for run in sorted((folder / "runs").iterdir()):
        _, labels = _photos(folder, run / _MODEL)
        found = {path.stem: np.load(path) for path in sorted(run.glob("*.npy"))}
        own = found[run.name]
        accuracy = float((own.argmax(1) == labels).mean())
        apart = {name: float(abs(logits - own).max()) for name, logits in found.items()}
        print(f"{run.name}: accuracy {accuracy:.4f}, logits apart {apart}")
        same = all((logits.argmax(1) == own.argmax(1)).all() for logits in found.values())
        if not (accuracy > 0.95 and same and max(apart.values()) <= _TOLERANCE):
            raise SystemExit(f"{run}: must be predicted alike by all, with the right classes")


if __name__ == "__main__":
    do, *given = sys.argv[1:]
    {"train": _train, "predict": _predict, "compare": _compare}[do](*given[:-1], Path(given[-1]))
