"""Photos to measure with, and what `data prepare` competes with: Pillow in a pool of processes.

`python -m benchmarks.photos FOLDER` decodes and shrinks the images of a folder, and keeps nothing;
`python -m benchmarks.photos FOLDER OUT` writes a file of pixels for each, as a script would.
"""

import sys
from functools import partial
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


def _shrink(out: Path | None, numbered: tuple[int, Path]) -> None:
    number, path = numbered
    with Image.open(path) as picture:
        seen = picture.convert("RGB")
        scale = SHORT_SIDE / min(seen.size)
        size = (int(scale * seen.width), int(scale * seen.height))
        pixels = np.asarray(seen.resize(size, Image.Resampling.BILINEAR))
    if out is not None:
        np.save(out / f"{number}.npy", pixels)


def main(folder: Path, out: Path | None = None) -> None:
    """Decode and shrink all images of a folder on all cores, and write them to `out`."""
    if out is not None:
        out.mkdir()
    files = enumerate(sorted(folder.rglob("*.jpg")))
    with process_pool({}, one_task_each=False) as pool:
        for _ in pool.map(partial(_shrink, out), files, chunksize=_AT_ONCE):
            pass


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
