"""Max pooling by its definition."""

import numpy as np
import pytest

from common.reference.pooling import max_pool, max_pool_gradients


def _windows(height, width):
    """The pixels of every window inside the image, row by row."""
    return {
        (i, j): [
            (row, column)
            for row in range(2 * i - 1, 2 * i + 2)
            for column in range(2 * j - 1, 2 * j + 2)
            if 0 <= row < height and 0 <= column < width
        ]
        for i in range((height + 1) // 2)
        for j in range((width + 1) // 2)
    }


@pytest.mark.parametrize("shape", [(2, 3, 6, 7), (1, 2, 5, 4), (1, 1, 1, 2), (1, 1, 3, 1)])
def test_the_first_maximum_of_a_window_gets_its_gradient(shape):
    stream = np.random.default_rng(0)
    x = stream.integers(-3, 0, shape).astype(np.float64)  # with ties, below the padding's zeros
    y = max_pool(x)
    gradient = stream.standard_normal(y.shape)
    expected = np.zeros(shape)
    windows = _windows(*shape[2:])
    for n, c in np.ndindex(shape[:2]):
        for place, pixels in windows.items():
            first = max(pixels, key=lambda pixel: x[n, c][pixel])
            assert y[n, c][place] == x[n, c][first]
            expected[n, c][first] += gradient[n, c][place]
    assert y.shape[2:] == tuple((side + 1) // 2 for side in shape[2:])
    np.testing.assert_allclose(max_pool_gradients(gradient, x), expected, rtol=1e-15)


def test_nan_stays_nan():
    x = np.zeros((1, 1, 5, 5))
    x[0, 0, 0, 1] = np.nan
    assert np.isnan(max_pool(x))[0, 0].tolist() == [
        [True, True, False], [False] * 3, [False] * 3
    ]  # fmt: skip
