"""Images of a data set in rows, under their titles (chapter section 4.2)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from common.plotting.figure import new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_images(pixels: NDArray[Any], nrows: int, ncols: int, titles: Sequence[str]) -> "Figure":
    """The first `nrows * ncols` grey images of `pixels` (N, H, W), as many as have a title."""
    figure = new_figure(figsize=(1.5 * ncols, 1.75 * nrows))
    axes = figure.subplots(nrows, ncols, squeeze=False).ravel()
    for place in axes:
        place.set_axis_off()
    for place, image, title in zip(axes, pixels, titles, strict=False):
        place.imshow(image, cmap="gray")
        place.set_title(title, fontsize="small")
    return figure
