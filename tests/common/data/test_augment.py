"""Augmentation: drawn for each image, and nothing else."""

import numpy as np
import pytest

from common.data.augment import Augmentation, Box
from common.data.parallel import in_order
from common.data.transform import centre_box, cut_and_resize, resize_short_side, shifted
from common.errors import ConfigError

_IMAGE = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
_ALL = Augmentation("random_resized", flip=True, lighting=0.1)


def _draws(augmentation, images=200, seed=0, epoch=0, size=(40, 60)):
    return [augmentation.draw(seed, epoch, index, size, (32, 32)) for index in range(images)]


def test_a_draw_depends_on_seed_epoch_and_image_alone():
    one, again = (_ALL.draw(3, 1, 7, (40, 60), (32, 32)) for _ in range(2))
    assert one.box == again.box
    assert np.array_equal(one.offset, again.offset)
    others = [(4, 1, 7), (3, 2, 7), (3, 1, 8)]
    assert all(_ALL.draw(*other, (40, 60), (32, 32)).box != one.box for other in others)


def test_the_draws_are_the_same_on_every_machine():
    draw = _ALL.draw(0, 0, 0, (256, 341), (224, 224))
    assert draw.box == Box(left=42, top=29, width=248, height=214)
    np.testing.assert_allclose(draw.offset, [-0.00468702, -0.00231426, -0.00090485], atol=1e-8)


def test_boxes_have_the_areas_and_aspects_that_are_asked_for():
    boxes = [draw.box for draw in _draws(_ALL)]
    areas = np.array([box.width * box.height / 2400 for box in boxes])
    aspects = np.array([box.width / box.height for box in boxes])
    assert all(0 <= box.left <= 60 - box.width and 0 <= box.top <= 40 - box.height for box in boxes)
    assert 0.06 < areas.min() < 0.2
    assert 0.65 < aspects.min() < 0.85
    assert 1.2 < aspects.max() < 1.5


def test_an_image_in_which_no_box_fits_gives_the_largest_in_its_middle():
    narrow = Augmentation("random_resized", scale=(1.0, 1.0))
    assert narrow.draw(0, 0, 0, (30, 100), (32, 32)).box == Box(30, 0, 40, 30)


def test_half_of_the_images_are_mirrored():
    flips = [draw.flip for draw in _draws(Augmentation(flip=True), 400)]
    assert 160 < sum(flips) < 240
    assert not any(draw.flip for draw in _draws(Augmentation()))


def test_padded_crops_move_by_the_padding_at_most():
    draws = _draws(Augmentation("padded", padding=2), size=(32, 32))
    assert (
        {draw.box.left for draw in draws} == {draw.box.top for draw in draws} == {-2, -1, 0, 1, 2}
    )
    cut = cut_and_resize(_IMAGE[:32, :32], Box(-2, 1, 32, 32), (32, 32))
    assert np.array_equal(cut[:, :31, 2:], _IMAGE[1:32, :30].transpose(2, 0, 1))
    assert not cut[:, :, :2].any()
    assert not cut[:, 31].any()


def test_lighting_moves_the_channels_along_the_colours_of_imagenet():
    offsets = np.array([draw.offset for draw in _draws(Augmentation(lighting=0.1), 4000)])
    vectors = np.array([[-0.5675, 0.7192, 0.4009], [-0.5808, -0.0045, -0.8140],
                        [-0.5836, -0.6948, 0.4203]])  # fmt: skip
    expected = vectors @ np.diag(0.01 * np.array([0.2175, 0.0188, 0.0045]) ** 2) @ vectors.T
    np.testing.assert_allclose(np.cov(offsets.T), expected, atol=3e-5)


def test_an_offset_shifts_each_channel_and_stays_within_8_bits():
    pixels = np.array([[[0, 100, 250]], [[0, 100, 250]], [[0, 100, 250]]], np.uint8)
    found = shifted(pixels, np.array([0.04, -0.04, 0.0]))
    assert found[:, 0].tolist() == [[10, 110, 255], [0, 90, 240], [0, 100, 250]]


def test_a_mirrored_part_is_the_part_mirrored():
    box = Box(10, 5, 20, 20)
    plain, mirrored = (cut_and_resize(_IMAGE, box, (20, 20), flip) for flip in (False, True))
    assert np.array_equal(mirrored, plain[:, :, ::-1])
    assert np.array_equal(plain, _IMAGE[5:25, 10:30].transpose(2, 0, 1))


def test_a_part_is_resized_as_pillow_resizes_it():
    from PIL import Image

    box = Box(3, 2, 33, 21)
    picture = Image.fromarray(_IMAGE).crop((3, 2, 36, 23)).resize((16, 12), 2)
    assert np.array_equal(
        cut_and_resize(_IMAGE, box, (12, 16)), np.asarray(picture).transpose(2, 0, 1)
    )


@pytest.mark.parametrize(("size", "expected"), [((40, 60), (20, 30)), ((60, 40), (30, 20)),
                                                ((33, 50), (20, 30))])  # fmt: skip
def test_the_short_side_is_resized_and_the_aspect_kept(size, expected):
    assert resize_short_side(np.zeros((*size, 3), np.uint8), 20).shape == (*expected, 3)


def test_the_centre_is_torchvisions():
    assert centre_box((256, 341), (224, 224)) == Box(58, 16, 224, 224)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"crop": "centre"}, "crop: must be one of"),
        ({"scale": (0, 1)}, "scale: must rise from above 0"),
        ({"scale": 0.5}, "scale: must be two numbers"),
        ({"padding": 0.5}, "padding: must be an integer"),
        ({"flip": 1}, "flip: must be true or false"),
        ({"lighting": -1}, "lighting: must be a number from 0"),
    ],
)
def test_other_settings_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        Augmentation(**settings)


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_results_come_in_order_whatever_the_number_of_workers(workers):
    assert list(in_order(lambda item: item * item, range(20), workers)) == [
        i * i for i in range(20)
    ]


def test_no_more_is_made_ahead_than_is_asked_for():
    made = []
    results = in_order(made.append, range(100), workers=2, ahead=5)
    next(results)
    results.close()
    assert len(made) <= 6


def test_an_error_reaches_the_caller_at_its_place():
    def fail(item):
        if item == 3:
            raise ValueError(item)
        return item

    results = in_order(fail, range(9), workers=2)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="3"):
        next(results)
