"""Data loaders as in d2l, and figures of their batches (chapter sections 3.2 and 4.2)."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from common.data.image_data import Batch
from common.errors import DataError, shortened
from common.plotting.figure import show_in_notebook
from common.plotting.images import draw_images

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Native = tuple[Any, Any]
"""Images and labels of a batch as arrays of a framework."""


class Loader:
    """An iterable of batches; each iteration is the next epoch.

    - `batches`: the batches of an epoch, counted from 0.
    - `length`: number of batches, the loader's `len`.
    - `convert`: turns images and labels into arrays of a framework.
    """

    def __init__(
        self,
        batches: Callable[[int], Iterator[Batch]],
        length: int,
        convert: Callable[[Any, Any], Native],
    ) -> None:
        self._batches, self._length, self._convert = batches, length, convert
        self._epoch = 0

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Native]:
        batches = self._batches(self._epoch)
        self._epoch += 1
        return (self._convert(images, labels) for images, labels in batches)


def show_images(images: Any, nrows: int, ncols: int, titles: Sequence[str]) -> "Figure":
    """A figure of the first `nrows * ncols` grey images with their titles.

    Images are arrays of any framework, (N, 1, H, W), (N, H, W, 1) or (N, H, W). In a notebook the
    figure is displayed. Raises `DataError` for other shapes.
    """
    pixels = _to_numpy(images)
    if pixels.ndim == 4:
        pixels = pixels.squeeze(1 if pixels.shape[1] == 1 else -1)
    figure = draw_images(pixels, nrows, ncols, titles)
    show_in_notebook(figure)
    return figure


def _to_numpy(images: Any) -> NDArray[Any]:
    if hasattr(images, "asnumpy"):
        images = images.asnumpy()
    elif hasattr(images, "detach"):
        images = images.detach().cpu()
    array = np.asarray(images)
    if array.ndim != 3 and not (array.ndim == 4 and 1 in (array.shape[1], array.shape[3])):
        raise DataError(
            "images: must be a batch with one channel, (N, 1, H, W) or (N, H, W, 1); "
            f"got shape {shortened(array.shape)}"
        )
    return array
