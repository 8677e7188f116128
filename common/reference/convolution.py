"""Grouped convolution and its gradients, as matrix products of im2col columns."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Array = NDArray[np.float64]
"""float64, or complex128 in `hessian_product`."""


def conv(x: Array, weight: Array, bias: Array | None, stride: int, groups: int) -> Array:
    """Convolve images (N, C, H, W), padded by p = (k - 1) / 2 on every side; k is odd.

        y[n, o, i, j] = bias[o] + sum over c, u, v of
                        weight[o, c, u, v] * x[n, c, s * i + u - p, s * j + v - p]

    `weight` is (O, C / groups, k, k), and c runs over the channels of o's group. The output is
    (N, O, (H - 1) // s + 1, (W - 1) // s + 1).
    """
    columns = _im2col(x, weight.shape[-1], stride, groups)
    y = _group_matrices(weight, groups) @ columns
    y = y.reshape(-1, len(x), *_output_size(x, stride)).swapaxes(0, 1)
    return y if bias is None else y + bias[:, None, None]


def conv_gradients(
    gradient: Array, x: Array, weight: Array, stride: int, groups: int
) -> tuple[Array, Array, Array]:
    """Gradients of x, weight and bias, given that of the output."""
    kernel = _group_matrices(weight, groups)
    by_group = gradient.swapaxes(0, 1).reshape(*kernel.shape[:2], -1)
    columns = _im2col(x, weight.shape[-1], stride, groups)
    of_x = _col2im(kernel.swapaxes(1, 2) @ by_group, x, weight.shape[-1], stride)
    of_weight = (by_group @ columns.swapaxes(1, 2)).reshape(weight.shape)
    return of_x, of_weight, gradient.sum((0, 2, 3))


def _group_matrices(weight: Array, groups: int) -> Array:
    """A kernel as one matrix per group: (groups, O / groups, C / groups * k * k)."""
    return weight.reshape(groups, len(weight) // groups, -1)


def _output_size(x: Array, stride: int) -> tuple[int, int]:
    height, width = ((side - 1) // stride + 1 for side in x.shape[2:])
    return height, width


def _im2col(x: Array, k: int, stride: int, groups: int) -> Array:
    """Every k x k window of the padded images as a column.

    The result is (groups, C / groups * k * k, N * H' * W'), with H' and W' of the output.
    """
    pad = (k - 1) // 2
    padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    windows = sliding_window_view(padded, (k, k), (2, 3))[:, :, ::stride, ::stride]
    columns = windows.transpose(1, 4, 5, 0, 2, 3)
    return columns.reshape(groups, x.shape[1] // groups * k * k, -1)


def _col2im(columns: Array, x: Array, k: int, stride: int) -> Array:
    """The transpose of `_im2col`: the sum of all columns at the pixels that they were read from."""
    pad = (k - 1) // 2
    batch, channels, height, width = x.shape
    rows, cols = _output_size(x, stride)
    windows = columns.reshape(channels, k, k, batch, rows, cols)
    padded = np.zeros((channels, batch, height + 2 * pad, width + 2 * pad), columns.dtype)
    for i in range(k):
        for j in range(k):
            pixels = padded[:, :, i : i + stride * rows : stride, j : j + stride * cols : stride]
            pixels += windows[:, i, j]
    return padded[:, :, pad : pad + height, pad : pad + width].swapaxes(0, 1)
