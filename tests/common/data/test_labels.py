"""Class names by number of classes, and from a file."""

import pytest

from common.data import CLASSES, class_names, read_labels
from common.errors import DataError


def test_ten_classes_are_those_of_fashion_mnist():
    assert class_names(10) == CLASSES


@pytest.mark.parametrize(("label", "name"), [(0, "tench"), (207, "golden retriever"),
                                             (281, "tabby"), (999, "toilet tissue")])  # fmt: skip
def test_a_thousand_classes_are_those_of_imagenet_in_order(label, name):
    # Labels of ILSVRC 2012 as torchvision, timm and Keras number them.
    names = class_names(1000)
    assert len(set(names)) == 1000
    assert names[label] == name


def test_other_classes_are_numbers():
    assert class_names(3) == ("0", "1", "2")


def test_names_are_read_from_a_file(tmp_path):
    (tmp_path / "labels.txt").write_text("été\nhiver\n", encoding="utf-8")
    assert read_labels(tmp_path / "labels.txt", 2) == ("été", "hiver")


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"a\nb\nc\n", "the network's 2 classes; got 3 lines"), (b"\xff\n\xfe", "must be a text file"),
     (None, "must be a text file")],
)  # fmt: skip
def test_a_file_that_does_not_fit_is_named(tmp_path, content, message):
    path = tmp_path / "labels.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=f"labels.txt: .*{message}"):
        read_labels(path, 2)
