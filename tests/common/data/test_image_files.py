"""Image files as networks see them, and files that are none."""

import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from common.data import FashionMNIST, assumed, find_pictures, prepare, read_picture, read_pictures
from common.data.presets import IMAGENET_MEAN, IMAGENET_STD
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
    seen = read_picture(tmp_path / "a.png", assumed(1))
    assert np.array_equal(seen, prepare(image, (96, 96))[0])


def test_a_colour_picture_is_turned_grey_for_one_channel(tmp_path):
    Image.new("RGB", (5, 7), (200, 200, 200)).save(tmp_path / "a.png")
    seen = read_picture(tmp_path / "a.png", assumed(1, 8))
    np.testing.assert_allclose(seen, np.full((1, 8, 8), 200 / 255), atol=1e-6)


def test_colours_are_normalised_as_on_imagenet(tmp_path):
    Image.new("RGB", (30, 40), (255, 0, 51)).save(tmp_path / "a.png")
    seen = read_picture(tmp_path / "a.png", assumed(3))
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
    seen = _pixels(read_picture(tmp_path / "a.png", assumed(3)))
    np.testing.assert_allclose(seen, pixels[top : top + 224, left : left + 224], atol=1e-3)


def test_the_short_side_is_resized_first(tmp_path):
    picture = Image.fromarray(_noise(100, 150))
    picture.save(tmp_path / "a.png")
    # torchvision's resize(256): the long side becomes int(256 * 150 / 100) = 384.
    resized = np.asarray(picture.resize((384, 256), Image.Resampling.BILINEAR))
    seen = _pixels(read_picture(tmp_path / "a.png", assumed(3)))
    np.testing.assert_allclose(seen, resized[16:240, 80:304], atol=1e-3)


def test_another_size_keeps_the_proportion(tmp_path):
    picture = Image.fromarray(_noise(128, 128))
    picture.save(tmp_path / "a.png")
    seen = _pixels(read_picture(tmp_path / "a.png", assumed(3, 112)))
    np.testing.assert_allclose(seen, np.asarray(picture)[8:120, 8:120], atol=1e-3)


_RAMP = np.tile(np.linspace(0, 255, 8).astype(np.uint8), (8, 1))
_CLEAR = np.where(np.arange(8) < 4, 0, 255).astype(np.uint8)


def _seen(path, picture, channels=1, **options):
    """What a network sees of a picture of 8 x 8 pixels, in [0, 255] for grey."""
    picture.save(path, **options)
    return read_picture(path, assumed(channels, 8))[0] * (255 if channels == 1 else 1)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGBA", "CMYK", "YCbCr", "LAB", "RGBX"])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_common_mode_is_converted(tmp_path, mode, channels):
    # Compressed: old releases of Pillow cannot read the plain YCbCr files that they write.
    Image.new(mode, (9, 9)).save(tmp_path / "a.tiff", compression="tiff_lzw")
    assert read_picture(tmp_path / "a.tiff", assumed(channels, 8)).shape == (channels, 8, 8)


@pytest.mark.parametrize(
    ("name", "pixels"),
    [
        ("a.png", _RAMP),
        ("a.png", _RAMP.astype(np.uint16) * 257),
        ("a.tiff", _RAMP.astype(np.uint16) * 257),
        ("a.tiff", _RAMP.astype(">u2") * 257),
        ("a.pgm", _RAMP.astype(np.uint16) * 257),
        ("a.tiff", (_RAMP / 255).astype(np.float32)),
        ("a.png", np.stack([_RAMP] * 3, -1)),
        ("a.bmp", np.stack([_RAMP] * 3, -1)),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{value.dtype} {value.ndim}",
)
def test_a_grey_ramp_is_the_same_in_every_depth(tmp_path, name, pixels):
    seen = _seen(tmp_path / name, Image.fromarray(pixels))
    np.testing.assert_allclose(seen, _RAMP, atol=1e-3)


@pytest.mark.parametrize("pixels", [_RAMP, _RAMP.astype(np.uint16) * 257])
def test_a_tiff_whose_white_is_zero_is_seen_so(tmp_path, pixels):
    narrow = pixels.dtype == np.uint8  # Pillow turns these when it writes them, and only these
    tags = ImageFileDirectory_v2()
    tags[262] = 0
    seen = _seen(tmp_path / "a.tiff", Image.fromarray(pixels), tiffinfo=tags)
    np.testing.assert_allclose(seen, _RAMP if narrow else 255 - _RAMP, atol=1)


@pytest.mark.parametrize(
    "pixels",
    [
        _RAMP.astype(np.int32) * 2**20,
        _RAMP.astype(np.float32),
        np.full((8, 8), np.nan, np.float32),
        -_RAMP.astype(np.float32) / 255,
    ],
    ids=["32 bits", "floats to 255", "nan", "negative"],
)
def test_a_depth_whose_white_is_not_known_is_refused(tmp_path, pixels):
    Image.fromarray(pixels).save(tmp_path / "a.tiff")
    with pytest.raises(DataError, match=r"a.tiff: must have 8 or 16 bits .* convert it to 8 bits"):
        read_picture(tmp_path / "a.tiff", assumed(1))


def _with_alpha(mode):
    """The ramp, white and light where it cannot be seen."""
    alpha = np.tile(_CLEAR, (8, 1))
    grey = np.where(alpha, _RAMP, 255).astype(np.uint8)
    picture = Image.merge("LA", [Image.fromarray(grey), Image.fromarray(alpha)])
    if mode == "P":
        palette = picture.convert("RGBA").quantize(16)
        assert palette.mode == "P"
        return palette
    return picture.convert("RGBA").convert(mode)


@pytest.mark.parametrize(
    ("name", "mode"),
    [("a.png", "LA"), ("a.png", "RGBA"), ("a.tiff", "RGBA"), ("a.webp", "RGBA"), ("a.png", "P")],
)
@pytest.mark.parametrize("channels", [1, 3])
def test_what_is_transparent_lies_over_black(tmp_path, name, mode, channels):
    options = {"lossless": True} if name == "a.webp" else {}
    seen = _seen(tmp_path / name, _with_alpha(mode), channels, **options)
    black = Image.fromarray(np.where(_CLEAR, _RAMP, 0).astype(np.uint8))
    np.testing.assert_allclose(seen, _seen(tmp_path / "black.png", black, channels), atol=0.01)


def test_alpha_that_is_multiplied_in_already_counts_once(tmp_path):
    path = tmp_path / "a.tiff"
    Image.new("RGBA", (8, 8), (100, 100, 100, 128)).save(path)
    # The tag ExtraSamples, one number: 2 for separate alpha, 1 for associated alpha.
    tag = struct.pack("<HHI", 338, 3, 1)
    content = path.read_bytes()
    assert tag + b"\2" in content
    path.write_bytes(content.replace(tag + b"\2", tag + b"\1"))
    np.testing.assert_allclose(read_picture(path, assumed(1, 8)) * 255, 100, atol=1)


def test_half_transparent_is_half_as_light(tmp_path):
    seen = _seen(tmp_path / "a.png", Image.new("LA", (8, 8), (200, 128)))
    np.testing.assert_allclose(seen, 100, atol=1)


@pytest.mark.parametrize("mode", ["L", "RGB", "I;16"])
def test_a_colour_that_stands_for_transparent_is_black(tmp_path, mode):
    pixels = _RAMP.astype(np.uint16) * 257 if mode == "I;16" else _RAMP
    picture = Image.fromarray(pixels)
    white = {"L": 255, "RGB": (255, 255, 255), "I;16": 65535}[mode]
    picture = picture.convert(mode) if mode != "I;16" else picture
    seen = _seen(tmp_path / "a.png", picture, transparency=white)
    np.testing.assert_allclose(seen, np.where(_RAMP == 255, 0, _RAMP), atol=1e-3)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["a.png", "a.tiff", "a.webp"])
def test_a_turned_photo_is_seen_upright(tmp_path, orientation, name):
    upright = _noise(8, 8, 1)
    # What a camera saves, held so that its note of this number sets it right.
    stored = {
        1: upright, 2: upright[:, ::-1], 3: upright[::-1, ::-1], 4: upright[::-1], 5: upright.T,
        6: np.rot90(upright), 7: upright[::-1, ::-1].T, 8: np.rot90(upright, -1),
    }[orientation]  # fmt: skip
    exif = Image.Exif()
    exif[0x112] = orientation
    options = {"lossless": True} if name == "a.webp" else {}
    picture = Image.fromarray(np.ascontiguousarray(stored))
    seen = _seen(tmp_path / name, picture, exif=exif, **options)
    np.testing.assert_allclose(seen, upright, atol=1e-3)


def test_of_an_animation_the_first_frame_is_seen(tmp_path):
    frames = [Image.new("L", (8, 8), value) for value in (200, 0)]
    seen = _seen(tmp_path / "a.gif", frames[0], save_all=True, append_images=frames[1:])
    np.testing.assert_allclose(seen, 200, atol=1e-3)


@pytest.mark.parametrize(("width", "height"), [(10_000, 10_000), (20_000, 20_000), (70_000, 1)])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_decompression_bomb_is_refused(tmp_path, width, height, channels):
    (tmp_path / "bomb.png").write_bytes(_png_header(width, height))
    with pytest.raises(DataError, match=r"bomb.png: must (be an image|have at most).*pixels"):
        read_picture(tmp_path / "bomb.png", assumed(channels))


def _png_header(width, height):
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    length, check = struct.pack(">I", len(chunk) - 4), struct.pack(">I", zlib.crc32(chunk))
    return b"\x89PNG\r\n\x1a\n" + length + chunk + check + b"\0\0\0\0IDAT\x35\xaf\x06\x1e"


def test_a_thin_picture_is_refused_before_it_is_resized(tmp_path):
    Image.new("L", (60_000, 1)).save(tmp_path / "line.png")
    with pytest.raises(DataError, match=r"when its short side has 256; got 15,360,000 x 256"):
        read_picture(tmp_path / "line.png", assumed(3))


def test_the_pictures_of_a_folder_are_found_sorted(tmp_path):
    names = ["b.png", "a.JPG", "inner/c.webp", ".hidden.png", ".git/d.png", "notes.txt", "z.ps"]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "other").touch()
    found = find_pictures([tmp_path / "other", tmp_path])
    assert [str(path.relative_to(tmp_path)) for path in found] == [
        "other", "a.JPG", "b.png", "inner/c.webp",
    ]  # fmt: skip


def test_a_folder_without_pictures_is_refused(tmp_path):
    with pytest.raises(DataError, match=f"{tmp_path}: must hold image files; got none"):
        find_pictures([tmp_path])


def test_a_broken_file_does_not_lose_the_others(tmp_path):
    paths = [tmp_path / name for name in ("a.png", "broken.png", "b.png", "c.png")]
    for path in paths:
        Image.new("L", (8, 8), 51).save(path)
    paths[1].write_bytes(b"broken")
    first, second = read_pictures(paths, assumed(1, 8), 3)
    assert [(path.name, error is None) for path, error in first.files] == [
        ("a.png", True), ("broken.png", False), ("b.png", True),
    ]  # fmt: skip
    assert "broken.png: must be an image" in str(first.files[1][1])
    assert (first.images.shape, second.images.shape) == ((2, 1, 8, 8), (1, 1, 8, 8))
    np.testing.assert_allclose(first.images, 0.2)


def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(DataError, match="pipe.png: must be an image .* no regular file"):
        read_picture(tmp_path / "pipe.png", assumed(1))


@pytest.mark.parametrize(
    ("name", "content"),
    [("none.png", None), ("empty.png", b""), ("text.png", b"not an image"),
     ("broken.png", b"\x89PNG\r\n\x1a\n" + bytes(40)), ("broken.gif", b"GIF89a" + b"\xff" * 30)],
)  # fmt: skip
def test_a_file_that_is_no_image_is_named(tmp_path, name, content):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=f"{name}: must be an image that Pillow reads"):
        read_picture(tmp_path / name, assumed(3))


@pytest.mark.parametrize("ending", ["png", "jpg", "gif", "bmp"])
def test_a_truncated_image_is_named(tmp_path, ending):
    path = tmp_path / f"half.{ending}"
    Image.fromarray(_noise(64, 64)).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DataError, match=f"half.{ending}: must be an image"):
        read_picture(path, assumed(1))


def test_networks_of_other_channels_see_no_images(tmp_path):
    Image.new("L", (9, 9)).save(tmp_path / "a.png")
    with pytest.raises(DataError, match="networks with 1 or 3 input channels; got 2"):
        read_picture(tmp_path / "a.png", assumed(2))
