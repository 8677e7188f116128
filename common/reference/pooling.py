"""3x3 max pooling of stride 2 and its gradient."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from common.reference.convolution import Array

_SIDE, _STRIDE = 3, 2


def max_pool(x: Array) -> Array:
    """The maximum of every 3x3 window of images (N, C, H, W), with stride 2.

        y[n, c, i, j] = max over u, v of x[n, c, 2 i + u - 1, 2 j + v - 1]

    Pixels outside the image do not count. The output is (N, C, (H - 1) // 2 + 1, (W - 1) // 2 + 1).
    """
    windows = _windows(x)
    pooled: Array = np.take_along_axis(windows, _first_maxima(windows), -1)[..., 0]
    return pooled


def max_pool_gradients(gradient: Array, x: Array) -> Array:
    """Gradient of x: that of y at the first maximum of its window, row by row."""
    first = _first_maxima(_windows(x))[..., 0]
    height, width = x.shape[2:]
    rows, columns = gradient.shape[2:]
    padded = np.zeros((*x.shape[:2], height + 2, width + 2), gradient.dtype)
    for position in range(_SIDE**2):
        i, j = divmod(position, _SIDE)
        pixels = padded[:, :, i : i + 2 * rows : _STRIDE, j : j + 2 * columns : _STRIDE]
        pixels += np.where(first == position, gradient, 0)
    return padded[:, :, 1 : 1 + height, 1 : 1 + width]


def _windows(x: Array) -> Array:
    """Every window of the padded images, row by row: (N, C, rows, columns, 9)."""
    around = ((0, 0), (0, 0), (1, 1), (1, 1))
    padded = np.pad(x, around, constant_values=-np.inf)
    windows = sliding_window_view(padded, (_SIDE, _SIDE), (2, 3))[:, :, ::_STRIDE, ::_STRIDE]
    return windows.reshape(*windows.shape[:4], -1)


def _first_maxima(windows: Array) -> NDArray[np.intp]:
    """The position of the first maximum in each window, (..., 1)."""
    # The imaginary parts of `hessian_product` are infinitesimal.
    first: NDArray[np.intp] = np.argmax(windows.real, -1, keepdims=True)
    return first
