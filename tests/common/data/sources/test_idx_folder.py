"""Folders of idx files of MNIST and its relatives."""

import gzip

import numpy as np
import pytest

from common.data import find_data, open_data
from common.data.idx import encode_idx
from common.data.sources import read_idx_folder
from common.errors import DataError

_LABELS = [1, 2, 4, 1, 2, 4, 1, 2]


def write(folder, part, labels, prefix="", ending="", side=5, images=None):
    folder.mkdir(parents=True, exist_ok=True)
    pixels = (
        np.zeros((len(labels), side, side), np.uint8) + np.array(labels, np.uint8)[:, None, None]
    )
    pixels = pixels if images is None else images
    for kind, array in (("images-idx3", pixels), ("labels-idx1", np.array(labels, np.uint8))):
        content = encode_idx(array)
        path = folder / f"{prefix}{part}-{kind}-ubyte{ending}"
        path.write_bytes(gzip.compress(content) if ending else content)


@pytest.fixture
def letters(tmp_path):
    """Two parts of three classes, whose labels are not those from 0 on."""
    write(tmp_path, "train", _LABELS)
    write(tmp_path, "t10k", _LABELS[:3])
    return tmp_path


def test_classes_are_the_numbers_in_the_training_labels(letters):
    train, val = read_idx_folder(letters)
    assert train.classes == ("1", "2", "4")
    assert train.labels.tolist() == [0, 1, 2, 0, 1, 2, 0, 1]
    assert val.labels.tolist() == [0, 1, 2]
    assert train.read(2).tolist() == np.full((5, 5, 1), 4).tolist()


@pytest.mark.parametrize("layout", [".", "raw", "MNIST/raw"])
@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize(("prefix", "test"), [("", "t10k"), ("emnist-letters-", "test")])
def test_files_have_the_names_of_mnist_or_of_emnist(tmp_path, layout, ending, prefix, test):
    for part in ("train", test):
        write(tmp_path / layout, part, _LABELS, prefix, ending)
    assert len(read_idx_folder(tmp_path).val) == len(_LABELS)


def test_what_has_the_file_names_of_fashion_mnist_alone_has_not_its_classes(letters):
    assert find_data(str(letters)).classes == ("1", "2", "4")
    assert open_data(str(letters), 4, (5, 5)).classes == ("1", "2", "4")


def test_two_data_sets_in_one_folder_are_refused(letters):
    write(letters, "train", _LABELS, "emnist-digits-")
    with pytest.raises(DataError, match=r"one file of train images.*emnist-digits.*of their own"):
        read_idx_folder(letters)


def test_a_missing_part_is_named(tmp_path):
    write(tmp_path, "train", _LABELS)
    with pytest.raises(DataError, match="one file of t10k or test or val images.*got none"):
        read_idx_folder(tmp_path)


def test_missing_labels_are_named(letters):
    (letters / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(DataError, match="labels beside it; got no t10k-labels-idx1-ubyte"):
        read_idx_folder(letters)


def test_validation_labels_that_training_has_not_are_refused(letters):
    write(letters, "t10k", [1, 3])
    with pytest.raises(DataError, match=r"must be among those of training images.*got \[3\]"):
        read_idx_folder(letters)


def test_other_shapes_are_refused(letters):
    write(letters, "t10k", [1, 2], images=np.zeros((3, 5, 5), np.uint8))
    with pytest.raises(DataError, match="as many as there are labels"):
        read_idx_folder(letters)
