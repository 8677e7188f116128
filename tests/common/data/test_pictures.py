"""Image files as networks see them, and files that are none."""

import numpy as np
import pytest
from PIL import Image

from common.data import FashionMNIST, prepare, read_picture
from common.data.pictures import IMAGENET_MEAN, IMAGENET_STD
from common.errors import DataError

_MEAN, _STD = (np.array(values)[:, None, None] for values in (IMAGENET_MEAN, IMAGENET_STD))


def _noise(height, width, channels=3):
    stream = np.random.default_rng(0)
    return stream.integers(0, 256, (height, width, channels)[: 2 + (channels > 1)], np.uint8)


def _pixels(x):
    """Normalised colours back as (height, width, channels) in [0, 255]."""
    return (x * _STD + _MEAN).transpose(1, 2, 0) * 255


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_grey_picture_is_what_training_sees(tmp_path):
    image = FashionMNIST(source="sample").val.images[:1]
    Image.fromarray(image[0, 0]).save(tmp_path / "a.png")
    seen = read_picture(tmp_path / "a.png", 1)
    assert np.array_equal(seen, prepare(image, (96, 96))[0])


def test_a_colour_picture_is_turned_grey_for_one_channel(tmp_path):
    Image.new("RGB", (5, 7), (200, 200, 200)).save(tmp_path / "a.png")
    seen = read_picture(tmp_path / "a.png", 1, 8)
    np.testing.assert_allclose(seen, np.full((1, 8, 8), 200 / 255), atol=1e-6)


def test_colours_are_normalised_as_on_imagenet(tmp_path):
    Image.new("RGB", (30, 40), (255, 0, 51)).save(tmp_path / "a.png")
    seen = read_picture(tmp_path / "a.png", 3)
    assert (seen.shape, seen.dtype) == ((3, 224, 224), np.float32)
    # (value - mean) / std with torchvision's constants, by hand.
    np.testing.assert_allclose(seen[:, 0, 0], [2.2489083, -2.0357143, -0.9155556], rtol=1e-5)


@pytest.mark.parametrize(
    ("size", "corner"), [((256, 300), (16, 38)), ((301, 256), (38, 16)), ((303, 256), (40, 16))]
)
def test_the_middle_is_cropped_as_torchvision_does(tmp_path, size, corner):
    # torchvision's center_crop starts at int(round((side - 224) / 2)); halves round to even.
    pixels = _noise(*size)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    top, left = corner
    seen = _pixels(read_picture(tmp_path / "a.png", 3))
    np.testing.assert_allclose(seen, pixels[top : top + 224, left : left + 224], atol=1e-3)


def test_the_short_side_is_resized_first(tmp_path):
    picture = Image.fromarray(_noise(100, 150))
    picture.save(tmp_path / "a.png")
    # torchvision's resize(256): the long side becomes int(256 * 150 / 100) = 384.
    resized = np.asarray(picture.resize((384, 256), Image.Resampling.BILINEAR))
    seen = _pixels(read_picture(tmp_path / "a.png", 3))
    np.testing.assert_allclose(seen, resized[16:240, 80:304], atol=1e-3)


def test_another_size_keeps_the_proportion(tmp_path):
    picture = Image.fromarray(_noise(128, 128))
    picture.save(tmp_path / "a.png")
    seen = _pixels(read_picture(tmp_path / "a.png", 3, 112))
    np.testing.assert_allclose(seen, np.asarray(picture)[8:120, 8:120], atol=1e-3)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGBA", "CMYK"])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_common_mode_is_converted(tmp_path, mode, channels):
    Image.new(mode, (9, 9)).save(tmp_path / "a.tiff")
    assert read_picture(tmp_path / "a.tiff", channels, 8).shape == (channels, 8, 8)


@pytest.mark.parametrize(
    ("name", "content"),
    [("none.png", None), ("empty.png", b""), ("text.png", b"not an image"),
     ("broken.png", b"\x89PNG\r\n\x1a\n" + bytes(40)), ("broken.gif", b"GIF89a" + b"\xff" * 30)],
)  # fmt: skip
def test_a_file_that_is_no_image_is_named(tmp_path, name, content):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=f"{name}: must be an image that Pillow reads"):
        read_picture(tmp_path / name, 3)


@pytest.mark.parametrize("ending", ["png", "jpg", "gif", "bmp"])
def test_a_truncated_image_is_named(tmp_path, ending):
    path = tmp_path / f"half.{ending}"
    Image.fromarray(_noise(64, 64)).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DataError, match=f"half.{ending}: must be an image"):
        read_picture(path, 1)


def test_networks_of_other_channels_see_no_images(tmp_path):
    Image.new("L", (9, 9)).save(tmp_path / "a.png")
    with pytest.raises(DataError, match="networks of 1 or 3 input channels; got one of 2"):
        read_picture(tmp_path / "a.png", 2)
