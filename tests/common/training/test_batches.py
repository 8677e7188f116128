"""When a learner is given rows, and how far ahead of its results validation is."""

import numpy as np
import pytest

from common.data.rows import Rows
from common.errors import ConfigError
from common.training import evaluate
from common.training.batches import train_batches, val_batches
from common.training.devices import DEVICE_DATA, room_for_data
from tests.common.training.fakes import Data, Learner


class _InRows(Data):
    """The same data, with rows."""

    bytes_in_rows = 100
    images = np.zeros((8, 1, 2, 2), np.uint8)

    def train_batches(self, seed, epoch, start=0):
        return super().train_batches(seed, epoch, start)

    def val_batches(self):
        return super().val_batches()

    def train_rows(self, seed, epoch, start=0):
        for _, labels in self.train_batches(seed, epoch, start):
            yield Rows(self.images, np.arange(4)), labels

    def val_rows(self):
        for images, labels in self.val_batches():
            yield Rows(self.images, np.arange(len(images))), labels


@pytest.mark.parametrize(
    ("data", "room", "expected"),
    [
        (_InRows(), 100, Rows),
        (_InRows(), 99, np.ndarray),
        (_InRows(), 0, np.ndarray),
        (Data(), 100, np.ndarray),
    ],
    ids=["fits", "too large", "no room", "no rows"],
)
def test_a_learner_with_room_for_all_images_is_given_rows(data, room, expected):
    learner = Learner()
    learner.data_room = room
    batches = [*train_batches(learner, data, 0, 0), *val_batches(learner, data)]
    assert {type(images) for images, _ in batches} == {expected}


def test_a_learner_that_keeps_no_data_is_given_arrays():
    assert {type(images) for images, _ in train_batches(Learner(), _InRows(), 0, 0)} == {np.ndarray}


@pytest.mark.parametrize(
    ("given", "free", "expected"),
    [(None, 4000, 1000), ("0", 4000, 0), ("1e-7", 4000, 100), ("9", 4000, 1000), ("9", 0, 0)],
)
def test_a_quarter_of_the_free_memory_is_for_images_or_less(monkeypatch, given, free, expected):
    monkeypatch.delenv(DEVICE_DATA, raising=False)
    if given is not None:
        monkeypatch.setenv(DEVICE_DATA, given)
    assert room_for_data(free) == expected


@pytest.mark.parametrize("given", ["much", "-1", "nan"])
def test_a_limit_that_is_no_number_of_gigabytes_is_one_error(monkeypatch, given):
    monkeypatch.setenv(DEVICE_DATA, given)
    with pytest.raises(ConfigError, match=rf"^\${DEVICE_DATA}: must be a number .* got {given}"):
        room_for_data(1)


class _Ahead:
    """A learner that tells when it begins a batch and when its result is fetched."""

    def __init__(self):
        self.told = []

    def begin_eval(self, images):
        number = len([what for what in self.told if what.startswith("begin")])
        self.told.append(f"begin {number}")

        def result():
            self.told.append(f"fetch {number}")
            return np.tile(np.float32([1, 0]), (len(images), 1))

        return result


@pytest.mark.parametrize("count", [1, 5])
def test_a_device_has_two_more_batches_while_one_is_fetched(count):
    learner = _Ahead()
    batches = [(np.zeros((2, 1, 2, 2), np.uint8), np.array([0, 1], np.int32))] * count
    assert evaluate(learner, batches).accuracy == 0.5
    order = ["begin 0", "begin 1", "begin 2", "fetch 0", "begin 3", "fetch 1", "begin 4",
             "fetch 2", "fetch 3", "fetch 4"]  # fmt: skip
    assert learner.told == (order if count == 5 else ["begin 0", "fetch 0"])


def test_rows_of_a_last_batch_are_filled_up():
    rows = [Rows(_InRows.images, np.arange(count)) for count in (3, 1)]
    labels = [np.zeros(3, np.int32), np.ones(1, np.int32)]
    found = evaluate(_Ahead(), zip(rows, labels, strict=True))
    assert found.confusion.tolist() == [[3, 0], [1, 0]]
