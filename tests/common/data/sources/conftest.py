"""A folder of small colour images."""

import numpy as np
import pytest
from PIL import Image


def write_images(folder, count, seed=0, size=(12, 10)):
    """`count` PNG files of noise."""
    folder.mkdir(parents=True)
    stream = np.random.default_rng(seed)
    for number in range(count):
        pixels = stream.integers(0, 256, (*size, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")


@pytest.fixture
def folder(tmp_path):
    """Two classes of five and four images."""
    write_images(tmp_path / "photos" / "cat", 5)
    write_images(tmp_path / "photos" / "dog", 4, seed=1)
    return tmp_path / "photos"
