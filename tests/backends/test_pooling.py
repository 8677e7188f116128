"""Max pooling of each framework against the reference, also where values are equal or NaN."""

from importlib import import_module

import numpy as np
import pytest

from common.reference.pooling import max_pool, max_pool_gradients
from tests.backends.native import to_layout, to_nchw


def _layer(backend):
    return import_module(f"{backend.__name__}.pooling").MaxPool()


@pytest.mark.parametrize("size", [(6, 7), (5, 4), (1, 2)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_first_maximum_gets_the_gradient(backend, native, dtype, size):
    stream = np.random.default_rng(0)
    x = stream.integers(-3, 0, (2, 3, *size)).astype(dtype)
    expected = max_pool(x)
    gradient = stream.integers(1, 99, expected.shape).astype(dtype)  # sums are exact
    with native.in_float64():
        y, of_x = native.output_and_gradient(
            _layer(backend), to_layout(backend, x), to_layout(backend, gradient)
        )
    np.testing.assert_array_equal(to_nchw(backend, y), expected)
    np.testing.assert_array_equal(to_nchw(backend, of_x), max_pool_gradients(gradient, x))


@pytest.mark.parametrize("place", [(0, 0), (0, 1), (2, 3), (4, 4)])
def test_nan_stays_nan(backend, native, place):
    x = np.ones((2, 16, 5, 5), np.float32)
    x[1, 2][place] = np.nan
    y = to_nchw(backend, native.output(_layer(backend), to_layout(backend, x)))
    np.testing.assert_array_equal(np.isnan(y), np.isnan(max_pool(x)))
