"""Scaling and resizing of pixels in NumPy; each framework does the same on its device."""

import numpy as np
from numpy.typing import NDArray

from common.arrays import as_pixels


def resize_matrix(old: int, new: int) -> NDArray[np.float32]:
    """The float32 matrix (new, old) of bilinear interpolation from `old` to `new` pixels.

    Pixel centres are at half-integers, and edges are replicated. There is no antialiasing. This is
    PyTorch's `interpolate` with `align_corners=False`.
    """
    positions = np.clip((np.arange(new) + 0.5) * (old / new) - 0.5, 0, old - 1)
    left = np.floor(positions).astype(np.int64)
    right = np.minimum(left + 1, old - 1)
    fraction = positions - left
    matrix = np.zeros((new, old))
    np.add.at(matrix, (np.arange(new), left), 1 - fraction)
    np.add.at(matrix, (np.arange(new), right), fraction)
    return matrix.astype(np.float32)


def prepare(images: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.float32]:
    """Scale pixels (N, C, H, W) to [0, 1] and resize them to `size` (height, width).

    Returns float32 (N, C, *size). Raises `DataError` unless pixels are integers from 0 to 255.
    """
    x: NDArray[np.float32] = (as_pixels(images) / np.float32(255)).astype(np.float32, copy=False)
    height, width = x.shape[2:]
    if (height, width) == tuple(size):
        return x
    rows, columns = resize_matrix(height, size[0]), resize_matrix(width, size[1])
    resized: NDArray[np.float32] = np.matmul(rows, np.matmul(x, columns.T))
    return resized
