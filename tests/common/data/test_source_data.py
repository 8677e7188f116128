"""Batches of any source, prepared and augmented."""

import numpy as np
import pytest
from PIL import Image

from common.data import Preprocessing, batch_order, check_image_data
from common.data.augment import Augmentation
from common.data.presets import on_imagenet, stretched
from common.data.ready import ArrayData, ImageFolder, IndexedData
from common.data.source_data import SourceData
from common.data.sources import find_images
from common.data.transform import network_input, prepared_pixels
from common.errors import ConfigError, DataError
from tests.common.data.sources.conftest import folder  # noqa: F401

_STREAM = np.random.default_rng(0)
_IMAGES = _STREAM.integers(0, 256, (20, 3, 8, 8), np.uint8)
_LABELS = np.arange(20) % 4


def _data(**options):
    return ArrayData(_IMAGES, _LABELS, 4, val_share=0.25, **options)


def test_it_is_what_training_asks_for(folder):  # noqa: F811
    for data in (_data(), ImageFolder(folder, 2, 8)):
        check_image_data(data)
    assert _data().preprocessing == Preprocessing(3, (8, 8), antialias=True)


def test_batches_come_in_the_order_of_seed_and_epoch():
    data = _data()
    order = batch_order(16, 3, 1)
    batches = list(data.train_batches(3, 1))
    assert len(batches) == data.steps_per_epoch == 4
    for step, (images, labels) in enumerate(batches):
        chosen = order[4 * step : 4 * step + 4]
        assert np.array_equal(labels, data.train.labels[chosen])
        expected = [data.train.read(index).transpose(2, 0, 1) for index in chosen]
        assert np.array_equal(images, expected)


@pytest.mark.parametrize("workers", [0, 1, 4])
def test_batches_do_not_depend_on_the_number_of_workers_or_where_they_begin(workers):
    augmentation = Augmentation("random_resized", flip=True)
    whole = list(_data(augmentation=augmentation).train_batches(0, 2))
    data = SourceData(_data().split, 4, stretched(8, 3), augmentation, workers)
    for (images, labels), (expected, wanted) in zip(
        data.train_batches(0, 2, 1), whole[1:], strict=True
    ):
        assert np.array_equal(images, expected)
        assert np.array_equal(labels, wanted)


def test_validation_images_are_never_augmented():
    data = _data(augmentation=Augmentation("padded", flip=True))
    images = np.concatenate([images for images, _ in data.val_batches()])
    assert np.array_equal(images, [data.val.read(i).transpose(2, 0, 1) for i in range(4)])


def test_images_of_different_sizes_are_cut_to_one(tmp_path):
    for number, size in enumerate([(50, 30), (30, 50), (20, 20), (64, 64)]):
        path = tmp_path / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(_STREAM.integers(0, 256, (*size, 3), np.uint8)).save(path)
    data = ImageFolder(tmp_path, 1, 28)
    assert next(iter(data.train_batches(0, 0)))[0].shape == (1, 3, 28, 28)
    assert data.preprocessing.resize_to == 32


def test_images_are_prepared_as_by_torchvision():
    image = _STREAM.integers(0, 256, (40, 61, 3), np.uint8)
    resized = np.asarray(Image.fromarray(image).resize((48, 32), Image.Resampling.BILINEAR))
    expected = resized[2:30, 10:38].transpose(2, 0, 1)
    assert np.array_equal(prepared_pixels(image, on_imagenet(28)), expected)


def test_lighting_shifts_the_colours_of_what_the_network_sees():
    data = _data(augmentation=Augmentation(lighting=0.5))
    (images, _), (plain, _) = (next(iter(one.train_batches(0, 0))) for one in (data, _data()))
    inside = (plain > 60) & (plain < 195)
    shifts = np.where(inside, images.astype(int) - plain, 0)
    for image in range(4):
        for channel in range(3):
            found = set(shifts[image, channel][inside[image, channel]])
            assert len(found) == 1
    assert len({int(shifts[image, 0].sum()) for image in range(4)}) > 1


def test_padded_crops_move_the_prepared_image():
    data = SourceData(_data().split, 4, stretched(16, 3), Augmentation("padded", padding=2))
    images, _ = next(iter(data.train_batches(0, 0)))
    assert images.shape == (4, 3, 16, 16)
    assert any(not image[:, 0].any() or not image[:, -1].any() for image in images)


def test_a_flip_without_a_crop_mirrors_what_the_network_sees():
    data = _data(augmentation=Augmentation(flip=True))
    plain = {image.tobytes() for images, _ in _data().train_batches(0, 0) for image in images}
    seen = [image for images, _ in data.train_batches(0, 0) for image in images]
    mirrored = [image for image in seen if image.tobytes() not in plain]
    assert 0 < len(mirrored) < 16
    assert all(image[:, :, ::-1].tobytes() in plain for image in mirrored)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda root: ImageFolder(root, 99), "at most the 7 training images; got 99"),
        (lambda root: ImageFolder(root, 0), "batch_size: must be at least 1"),
        (lambda root: ImageFolder(root, 2, workers=-1), "workers: must be at least 0"),
        (
            lambda root: SourceData(find_images(root), 2, stretched(8, 1)),
            "preprocessing: must have the 3 channels of the images; got 1",
        ),
        (
            lambda root: ImageFolder(root, 2, 8, 1, Augmentation(lighting=0.1)),
            "lighting: must be 0",
        ),
    ],
)
def test_settings_that_do_not_fit_are_refused(make, message, folder):  # noqa: F811
    with pytest.raises(ConfigError, match=message):
        make(folder)


_ITEMS = list(zip(_IMAGES, _LABELS, strict=True))


class _Named(list):
    """A data set whose classes have names."""

    def __init__(self, items, classes):
        super().__init__(items)
        self.classes = classes


def test_a_data_set_of_others_is_split_by_class_and_trained_on_in_batches():
    data = IndexedData(_ITEMS, batch_size=4, size=8, classes=tuple("abcd"), val_share=0.25)
    check_image_data(data)
    assert (len(data.train), len(data.val), data.classes) == (16, 4, tuple("abcd"))
    images, labels = next(data.train_batches(3, 1))
    chosen = batch_order(16, 3, 1)[:4]
    expected = [prepared_pixels(data.train.read(i), on_imagenet(8)) for i in chosen]
    assert np.array_equal(images, expected)
    assert np.array_equal(labels, data.train.labels[chosen])


def test_validation_items_of_others_may_lack_classes():
    data = IndexedData(_ITEMS, _ITEMS[:2], batch_size=4, size=8)
    (batch,) = data.val_batches()
    assert batch[1].tolist() == [0, 1]
    assert data.val.classes == data.train.classes == tuple("0123")


@pytest.mark.parametrize(
    ("train", "val", "message"),
    [
        (_ITEMS, [(_IMAGES[0], 4)], "val: labels must be from 0 to 3.*; got 4 to 4"),
        (_ITEMS, [(_IMAGES[0], -1)], "labels must count classes from 0; got -1 to -1"),
        (_Named(_ITEMS, list("abc")), _ITEMS, "train: labels must be from 0 to 2.*; got 0 to 3"),
        (
            _Named(_ITEMS, list("abcd")),
            _Named(_ITEMS, list("abce")),
            "must have the same classes; got only in val ..e'., only in train ..d'.",
        ),
        (_ITEMS[:3], None, "a class must have two images or more to be split; got 1 of '0'"),
        (iter(_ITEMS), None, "must have a length.*; of a loader of batches, give the data set"),
    ],
)
def test_items_of_others_that_do_not_fit_are_refused(train, val, message):
    with pytest.raises(DataError, match=message):
        IndexedData(train, val, batch_size=1, size=8)


def test_stretching_without_antialiasing_is_that_of_devices():
    image = _STREAM.integers(0, 256, (40, 30, 1), np.uint8)
    seen = Preprocessing(1, (12, 12))
    found = prepared_pixels(image, seen) / 255
    np.testing.assert_allclose(found, network_input(image, seen), atol=0.5 / 255 + 1e-6)


def test_an_elongated_image_is_named_before_it_is_resized(tmp_path):
    for number in range(2):
        path = tmp_path / "line" / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", (9000, 1)).save(path)
    data = ImageFolder(tmp_path, 1, 224)
    with pytest.raises(DataError, match=r"line/\d.png: must have at most .* short side has 256"):
        next(data.val_batches())
