"""Batches as d2l's data loaders give them, and their pictures (chapter sections 3.2 and 4.2)."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from common.errors import DataError, shortened
from common.figures import new_figure, show_in_notebook

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Batch = tuple[NDArray[np.uint8], NDArray[np.int32]]
"""Images (N, C, H, W) and labels (N,)."""

Native = tuple[Any, Any]
"""A batch in the arrays of a framework."""


class Loader:
    """Batches to iterate over, any number of times; `len` of them.

    `batches` gives those of an epoch, from 0, and `convert` what is made of each.
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
    """A figure of the first images of one channel, in rows, under their titles.

    A notebook shows it. Images are (N, 1, H, W), (N, H, W, 1) or (N, H, W) of any framework.
    Raises `DataError` for others.
    """
    pixels = _to_numpy(images)
    if pixels.ndim == 4:
        pixels = pixels.squeeze(1 if pixels.shape[1] == 1 else -1)
    figure = new_figure(figsize=(1.5 * ncols, 1.75 * nrows))
    axes = figure.subplots(nrows, ncols, squeeze=False).ravel()
    for place in axes:
        place.set_axis_off()
    for place, image, title in zip(axes, pixels, titles, strict=False):
        place.imshow(image, cmap="gray")
        place.set_title(title, fontsize="small")
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
