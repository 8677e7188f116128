"""Images in memory, in .npz files, and in data sets of others."""

import numpy as np
import pytest
from PIL import Image

from common.data.open import open_split
from common.data.sources import ArraySource, IndexableSource, Source, read_labelled_npz
from common.data.sources.protocol import fingerprint
from common.errors import DataError

_PIXELS = np.random.default_rng(0).integers(0, 256, (6, 3, 4, 5), np.uint8)
_LABELS = [0, 1, 2, 0, 1, 2]


def test_arrays_are_read_one_image_at_a_time():
    source = ArraySource(_PIXELS.tolist(), _LABELS, ["a", "b", "c"])
    assert isinstance(source, Source)
    assert source.classes == ("a", "b", "c")
    assert np.array_equal(source.read(3), _PIXELS[3].transpose(1, 2, 0))


def test_grey_images_need_no_axis_of_channels():
    assert ArraySource(_PIXELS[:, 0], _LABELS).read(0).shape == (4, 5, 1)


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (_PIXELS / 255.0, _LABELS, "pixels"),
        (_PIXELS.astype(int) - 1, _LABELS, "pixels"),
        (_PIXELS, _LABELS[:-1], "one for each of the 6 images"),
        (_PIXELS, [0.5] * 6, "labels must be integers"),
        (_PIXELS, [-1] * 6, "must count classes from 0; got -1"),
    ],
)
def test_other_arrays_are_refused(images, labels, message):
    with pytest.raises(DataError, match=message):
        ArraySource(images, labels)


@pytest.fixture
def npz(tmp_path):
    path = tmp_path / "mine.npz"
    np.savez(path, images=_PIXELS, labels=_LABELS, classes=["a", "b", "c"])
    return path


def test_an_npz_file_holds_images_labels_and_names(npz):
    source = read_labelled_npz(npz)[""]
    assert source.classes == ("a", "b", "c")
    assert source.labels.tolist() == _LABELS


def test_an_npz_file_is_split(npz):
    train, val = open_split(str(npz), val_share=0.5)
    assert (len(train), len(val)) == (3, 3)
    assert sorted(val.labels) == [0, 1, 2]


def test_an_npz_file_of_something_else_is_refused(tmp_path):
    np.savez(tmp_path / "a.npz", pictures=_PIXELS)
    with pytest.raises(DataError, match="must hold arrays images and labels.*'pictures'"):
        read_labelled_npz(tmp_path / "a.npz")


class _Pairs:
    """A data set as PyTorch's are."""

    classes = ("a", "b", "c")

    def __len__(self):
        return 6

    def __getitem__(self, index):
        return Image.fromarray(_PIXELS[index].transpose(1, 2, 0)), _LABELS[index]


class _Dictionaries:
    """A split as Hugging Face's are."""

    column_names = ("img", "label")

    def __len__(self):
        return 6

    def __getitem__(self, index):
        return {"img": _PIXELS[index], "label": _LABELS[index]}


@pytest.mark.parametrize(
    "items", [_Pairs(), _Dictionaries(), list(zip(_PIXELS, _LABELS, strict=True))]
)
def test_a_data_set_of_others_is_taken_by_its_shape(items):
    source = IndexableSource(items)
    assert isinstance(source, Source)
    assert source.labels.tolist() == _LABELS
    assert len(source.classes) == 3
    assert np.array_equal(source.read(4), _PIXELS[4].transpose(1, 2, 0))


@pytest.mark.parametrize(
    ("items", "message"),
    [
        (5, "must have a length"),
        ([], "must hold images; got none"),
        ([1, 2], r"list\[0\]: must be an image with a label; got int"),
        ([{"x": 1}], "names such as image and label"),
        ([(_PIXELS[0], "cat")], r"list\[0\]: label must be an integer; got cat"),
        ([(_PIXELS[0], 1.5)], r"list\[0\]: label must be an integer; got 1.5"),
        ({"train": 1}, r"dict\[0\]: must be readable; got no 0"),
    ],
)
def test_anything_else_is_refused(items, message):
    with pytest.raises(DataError, match=message):
        IndexableSource(items)


def test_images_that_are_prepared_already_are_refused():
    source = IndexableSource([(_PIXELS[0] / 255.0, 0)])
    with pytest.raises(DataError, match="integers from 0 to 255; got float64; leave out"):
        source.read(0)


def test_a_part_names_its_images_as_the_whole_does():
    part = IndexableSource(_Pairs()).part(np.array([5, 2]))
    assert (len(part), part.name(0), part.labels.tolist()) == (
        2,
        "_Pairs[5]",
        [_LABELS[5], _LABELS[2]],
    )
    assert np.array_equal(part.read(1), _PIXELS[2].transpose(1, 2, 0))


def test_other_pixels_or_labels_have_another_fingerprint():
    images, labels = np.zeros((4, 3, 5, 5), np.uint8), np.array([0, 0, 1, 1])
    other = images.copy()
    other[3, 2, 4, 4] = 1
    before = fingerprint(ArraySource(images, labels))
    assert fingerprint(ArraySource(images.copy(), labels)) == before
    assert fingerprint(ArraySource(other, labels)) != before
    assert fingerprint(ArraySource(images, labels[::-1])) != before
