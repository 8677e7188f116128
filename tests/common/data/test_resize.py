"""The one definition of scaling and resizing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.data import prepare, resize_matrix
from common.errors import DataError


def _by_pixel(image, height, width):
    """Bilinear interpolation with half-pixel centres, one pixel at a time, in float64."""
    old_height, old_width = image.shape
    result = np.empty((height, width))
    for row in range(height):
        for column in range(width):
            y = min(max((row + 0.5) * old_height / height - 0.5, 0), old_height - 1)
            x = min(max((column + 0.5) * old_width / width - 0.5, 0), old_width - 1)
            top, left = int(y), int(x)
            bottom, right = min(top + 1, old_height - 1), min(left + 1, old_width - 1)
            upper = image[top, left] * (1 - x + left) + image[top, right] * (x - left)
            lower = image[bottom, left] * (1 - x + left) + image[bottom, right] * (x - left)
            result[row, column] = upper * (1 - y + top) + lower * (y - top)
    return result / 255


@pytest.mark.parametrize(
    ("old", "new"), [((28, 28), (96, 96)), ((28, 28), (33, 17)), ((5, 9), (3, 4)), ((1, 1), (4, 4))]
)
def test_resizing_equals_interpolation_pixel_by_pixel(old, new):
    image = np.random.default_rng(0).integers(0, 256, old, np.uint8)
    ours = prepare(image[None, None], new)[0, 0]
    assert np.abs(ours - _by_pixel(image, *new)).max() <= 1e-6


@given(st.integers(1, 40), st.integers(1, 40))
def test_every_new_pixel_is_a_mean_of_old_ones(old, new):
    matrix = resize_matrix(old, new)
    assert matrix.min() >= 0
    np.testing.assert_allclose(matrix.sum(1), 1, atol=1e-6)


@given(st.integers(1, 40))
def test_the_same_size_is_the_identity(size):
    np.testing.assert_array_equal(resize_matrix(size, size), np.eye(size))


def test_scaling_maps_255_to_one():
    images = np.full((1, 1, 4, 4), 255, np.uint8)
    assert (prepare(images, (4, 4)) == 1).all()


@pytest.mark.parametrize("dtype", ["float32", "float64", "bool"])
def test_what_are_no_pixels_is_not_scaled(dtype):
    with pytest.raises(DataError, match=f"images: must be pixels, .*got {dtype}"):
        prepare(np.ones((1, 1, 2, 2), dtype), (4, 4))


def test_pixels_of_any_integers_are_the_same():
    pixels = np.arange(0, 256, 17).reshape(1, 1, 4, 4)
    expected = prepare(pixels.astype(np.uint8), (6, 6))
    assert np.array_equal(prepare(pixels, (6, 6)), expected)
    with pytest.raises(DataError, match="from 0 to 255; got 1 to 256"):
        prepare(pixels + 1, (6, 6))
