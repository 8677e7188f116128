"""Batches as rows of an array are the batches themselves."""

import numpy as np
import pytest

from common.data import ArrayData, Augmentation, FashionMNIST
from common.data.rows import Kept, Rows, size_in_rows

_PIXELS = np.random.default_rng(0).integers(0, 256, (11, 2, 3, 4), np.uint8)
_LABELS = np.arange(11) % 3


def _arrays(**settings):
    return ArrayData(_PIXELS, _LABELS, 4, val=(_PIXELS[:3], _LABELS[:3]), **settings)


@pytest.fixture(scope="module")
def sample():
    return FashionMNIST(700, 96, "sample")


def _data(which, sample):
    return {
        "Fashion-MNIST": lambda: sample,
        "arrays": _arrays,
        "mixup": lambda: _arrays(augmentation=Augmentation(mixup=0.2)),
    }[which]()


@pytest.mark.parametrize("which", ["Fashion-MNIST", "arrays", "mixup"])
@pytest.mark.parametrize("part", ["train", "val"])
def test_rows_are_the_batches(which, part, sample):
    data = _data(which, sample)
    given = (3, 1, 1) if part == "train" else ()
    batches, rows = (list(getattr(data, f"{part}_{form}")(*given)) for form in ("batches", "rows"))
    assert len(batches) == len(rows) > 0
    for batch, others in zip(batches, rows, strict=True):
        assert isinstance(others[0], Rows)
        for array, other in zip(batch, others, strict=True):
            np.testing.assert_array_equal(array, other)
            assert (array.shape, array.dtype) == (other.shape, np.asarray(other).dtype)


def test_rows_are_filled_up_with_the_first():
    filled = Rows(_PIXELS, np.array([4, 2])).filled(4)
    np.testing.assert_array_equal(filled, _PIXELS[[4, 2, 4, 4]])
    assert Rows(_PIXELS, np.array([4, 2])).filled(1).shape == (2, 2, 3, 4)


def test_an_array_is_copied_when_its_first_rows_are_asked_for():
    copied = []
    kept = Kept(lambda array: copied.append(array.shape) or len(copied))
    assert [kept.copy(array) for array in (_PIXELS, _PIXELS, _PIXELS.copy())] == [1, 1, 2]
    assert copied == [_PIXELS.shape] * 2


def test_the_size_in_rows_is_that_of_all_images(sample):
    assert size_in_rows(sample) == sample.train.images.nbytes + sample.val.images.nbytes
    assert size_in_rows(_arrays(augmentation=Augmentation(mixup=1.0))) == 14 * 24


class _Brighter(FashionMNIST):
    def train_batches(self, seed, epoch, start=0):
        for images, labels in super().train_batches(seed, epoch, start):
            yield images | 1, labels


class _Fewer(FashionMNIST):
    def val_batches(self):
        return iter([next(super().val_batches())])


@pytest.mark.parametrize("kind", [_Brighter, _Fewer])
def test_batches_of_a_derived_class_are_no_rows(kind):
    assert size_in_rows(kind(source="sample")) == 0


@pytest.mark.parametrize(
    "settings",
    [{"size": 8}, {"augmentation": Augmentation(flip=True)}],
    ids=["resized", "mirrored"],
)
def test_images_that_are_made_for_each_batch_are_no_rows(settings):
    assert size_in_rows(_arrays(**settings)) == 0


def test_data_of_other_kinds_have_no_rows():
    assert size_in_rows(object()) == 0
