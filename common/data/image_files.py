"""Image files as inputs of networks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from common.data.decode import decode, images_below
from common.data.preprocessing import Preprocessing
from common.data.transform import network_input
from common.errors import DataError

_MODES: Final[dict[int, Literal["L", "RGB"]]] = {1: "L", 3: "RGB"}


def read_picture(path: str | Path, preprocessing: Preprocessing) -> NDArray[np.float32]:
    """An image file as a network's input, float32 (channels, height, width).

    The file is decoded to 8-bit grey or RGB, as `preprocessing` has 1 or 3 channels, then resized,
    cropped and normalised. `common.data.decode` documents bit depths, transparency and rotation.
    Raises `DataError` naming the file.
    """
    _check_channels(preprocessing.channels, path)
    picture = decode(path, _MODES[preprocessing.channels])
    pixels = np.asarray(picture)
    return network_input(pixels.reshape(*pixels.shape[:2], -1), preprocessing, str(path))


@dataclass(frozen=True)
class Pictures:
    """A batch of image files.

    - `files`: all paths in order, each with its error, or `None` if it was read.
    - `images`: float32 (N, C, H, W) of the N files that were read; N may be 0.
    """

    files: list[tuple[Path, DataError | None]]
    images: NDArray[np.float32]


def read_pictures(
    paths: Sequence[Path], preprocessing: Preprocessing, batch_size: int
) -> Iterator[Pictures]:
    """Read image files lazily in batches of `batch_size`, as `read_picture` does.

    An unreadable file is reported in its batch, and the others are read. Raises `DataError` if
    `preprocessing` has neither 1 nor 3 channels.
    """
    _check_channels(preprocessing.channels, "predict")
    for start in range(0, len(paths), batch_size):
        files: list[tuple[Path, DataError | None]] = []
        images = [np.empty((0, *preprocessing.image_shape), np.float32)]
        for path in paths[start : start + batch_size]:
            try:
                images.append(read_picture(path, preprocessing)[None])
                files.append((path, None))
            except DataError as error:
                files.append((path, error))
        yield Pictures(files, np.concatenate(images))


def find_pictures(paths: Sequence[Path]) -> list[Path]:
    """Expand folders among `paths` to the image files in and below them, in sorted order.

    Hidden files and folders are skipped. Raises `DataError` for a folder without image files.
    """
    found: list[Path] = []
    for path in paths:
        if not path.is_dir():
            found.append(path)
        elif inside := sorted(images_below(path)):
            found += inside
        else:
            raise DataError(f"{path}: must hold image files; got none")
    return found


def _check_channels(channels: int, where: str | Path) -> None:
    if channels not in _MODES:
        raise DataError(
            f"{where}: image files are for networks with 1 or 3 input channels; got {channels}"
        )
