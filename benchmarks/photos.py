"""Photos to measure with, and what `data prepare` competes with: Pillow in a pool of processes.

`python -m benchmarks.photos FOLDER` decodes and shrinks the images of a folder, and keeps nothing.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from common.processes import process_pool

SIZE = (500, 375)
"""Width and height of a photo, the usual ones of ImageNet."""

SHORT_SIDE = 256
"""To which photos are shrunk."""

_CLASSES = ("cat", "dog")
_AT_ONCE = 16
"""Files of a task of the pool."""


def make_photos(folder: Path, train: int, val: int = 2) -> None:
    """Write JPEGs of 50 KB, with large shapes and noise, to folders of parts and classes."""
    stream = np.random.default_rng(0)
    for part, count in (("train", train), ("val", val)):
        for number in range(count):
            shapes = Image.fromarray(stream.integers(0, 256, (24, 32, 3), np.uint8))
            smooth = np.asarray(shapes.resize(SIZE, Image.Resampling.BICUBIC))
            noisy = (smooth + stream.normal(0, 8, smooth.shape)).clip(0, 255).astype(np.uint8)
            path = folder / part / _CLASSES[number % len(_CLASSES)] / f"{number:05}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(noisy).save(path, quality=85)


def _shrink(path: Path) -> None:
    with Image.open(path) as picture:
        seen = picture.convert("RGB")
        scale = SHORT_SIDE / min(seen.size)
        size = (int(scale * seen.width), int(scale * seen.height))
        np.asarray(seen.resize(size, Image.Resampling.BILINEAR))


def main(folder: Path) -> None:
    """Decode and shrink all images of a folder on all cores."""
    files = sorted(folder.rglob("*.jpg"))
    with process_pool({}, one_task_each=False) as pool:
        for _ in pool.map(_shrink, files, chunksize=_AT_ONCE):
            pass


if __name__ == "__main__":
    main(Path(sys.argv[1]))
