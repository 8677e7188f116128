"""What a data set must have to be trained on, and data sets by name."""

from pathlib import Path

import pytest

from common.data import CLASSES, FashionMNIST, absolute_name, check_image_data, find_data, open_data
from common.data.sample import FOLDER
from common.errors import DataError
from tests.common.training.fakes import Data


@pytest.mark.parametrize("data", [Data(), FashionMNIST(source="sample")], ids=["own", "shipped"])
def test_data_with_all_members_is_accepted(data):
    check_image_data(data)


def test_all_that_is_missing_is_named():
    class Half:
        batch_size, classes = 4, ("a",)
        requested = "half"

    with pytest.raises(DataError, match="data: .* got Half without preprocessing, train, val, "):
        check_image_data(Half())


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("preprocessing", (1, 2, 2), r"preprocessing must be a Preprocessing; got \(1, 2, 2\)"),
        ("classes", (), r"classes must be a tuple of names; got \(\)"),
        ("classes", "abc", "classes must be a tuple of names; got abc"),
        ("classes", (0, 1), r"classes must be a tuple of names; got \(0, 1\)"),
        ("batch_size", 0, "batch_size must be at least 1; got 0"),
        ("steps_per_epoch", 1.5, "steps_per_epoch must be an integer; got 1.5"),
    ],
)
def test_a_member_of_another_kind_is_a_data_error(name, value, message):
    with pytest.raises(DataError, match=f"^data: {message}"):
        check_image_data(type("Odd", (Data,), {name: value})())


@pytest.mark.parametrize("name", ["sample", str(FOLDER)])
def test_a_data_set_is_opened_by_its_name(name):
    data = open_data(name, 32, (8, 9))
    assert (data.requested, data.batch_size) == (name, 32)
    assert data.preprocessing.image_shape == (1, 8, 9)


@pytest.mark.parametrize("name", ["auto", "sample", "a/folder/that/is/not/there"])
def test_channels_and_classes_are_known_before_images_are_read(name):
    assert find_data(name) == (1, CLASSES, (96, 96))


@pytest.mark.parametrize(("name", "absolute"), [("full", "full"), ("x", str(Path.cwd() / "x"))])
def test_paths_become_absolute_and_names_stay(name, absolute):
    assert absolute_name(name) == absolute


def test_a_word_is_no_folder_of_that_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sample").mkdir()
    assert find_data("sample").channels == 1
