"""Batches of other libraries: counted, checked, and given on as they are."""

import logging

import numpy as np
import pytest

from common.data import PreparedBatches, Preprocessing, check_image_data
from common.errors import ConfigError, DataError
from tests.common.training.fakes import FakeTrainer, Model

_IMAGES = np.random.default_rng(0).normal(size=(10, 1, 2, 2)).astype(np.float32)
_PIXELS = np.random.default_rng(0).integers(0, 256, (10, 1, 2, 2), np.uint8)
_LABELS = np.arange(10)


def _batches(images=_IMAGES, labels=_LABELS, size=4):
    return [(images[i : i + size], labels[i : i + size]) for i in range(0, len(labels), size)]


class _Anew:
    """Batches without a length, told the epoch."""

    def __init__(self, batches):
        self.batches, self.epochs = batches, []

    def __iter__(self):
        return iter(self.batches)

    def set_epoch(self, epoch):
        self.epochs.append(epoch)


class _Loader(_Anew):
    """What is read of a `DataLoader`, which must not be gone through to be counted."""

    batch_size, drop_last = 4, False

    def __init__(self, batches):
        super().__init__(batches)
        self.sampler, self.dataset = range(10), self
        self.classes, self.read = list("abcdefghij"), 0

    def __iter__(self):
        for batch in self.batches:
            self.read += 1
            yield batch


@pytest.mark.parametrize("kind", [list, _Anew, _Loader])
def test_batches_are_counted_and_a_short_last_one_is_left_out_of_training(kind):
    data = PreparedBatches(kind(_batches()), kind(_batches()), classes=10)
    check_image_data(data)
    assert (data.batch_size, data.steps_per_epoch) == (4, 2)
    assert (len(data.train), len(data.val)) == (8, 10)
    assert [len(labels) for _, labels in data.train_batches(0, 0)] == [4, 4]
    assert [len(labels) for _, labels in data.val_batches()] == [4, 4, 2]
    assert data.preprocessing.image_shape == (1, 2, 2)


def test_a_loader_that_knows_its_number_of_images_is_not_gone_through():
    loader = _Loader(_batches())
    data = PreparedBatches(loader, _batches())
    assert data.classes == tuple("abcdefghij")
    assert loader.read == 1
    list(data.train_batches(0, 3))
    assert loader.epochs[-1] == 3


def test_floats_are_given_on_as_they_are_and_channels_come_first():
    data = PreparedBatches(_batches(), _batches(), 10)
    assert data.is_prepared
    np.testing.assert_array_equal(next(data.train_batches(0, 0))[0], _IMAGES[:4])
    last = [(images.transpose(0, 2, 3, 1), labels) for images, labels in _batches()]
    moved = PreparedBatches(last, last, 10, layout="NHWC")
    np.testing.assert_array_equal(next(moved.val_batches())[0], _IMAGES[:4])


def test_pixels_are_prepared_as_the_description_says():
    data = PreparedBatches(_batches(_PIXELS), _batches(_PIXELS), 10)
    assert not data.is_prepared
    assert data.is_described


def test_target_probabilities_are_taken_in_training():
    soft = _batches(labels=np.full((10, 10), 0.1))
    _, labels = next(PreparedBatches(soft, _batches(), 10).train_batches(0, 0))
    assert labels.shape == (4, 10)


_GOOD = {"train": _batches(), "val": _batches(), "classes": 10}


def _with_labels(change):
    return _batches(labels=change(_LABELS))


_BAD = {
    "a generator": ({"train": iter(_batches())}, "train: must be iterable anew for each epoch"),
    "no iterable": ({"val": 3}, "val: must be an iterable of batches; got int"),
    "no batches": ({"train": []}, "train: must give at least one batch; got none"),
    "dictionaries": ({"val": [{"image": 1}]}, "val: a batch must be a pair .*; got dict"),
    "three arrays": ({"train": [(1, 2, 3)]}, "train: a batch must be a pair .*; got tuple of 3"),
    "no classes": ({"classes": None}, "classes: must be class names or their number; got None"),
    "three axes": ({"val": [(_IMAGES[:, 0], _LABELS)]}, "val: images must have four axes, NCHW"),
    "channels last": (
        {"train": [(np.zeros((4, 9, 9, 3)), _LABELS[:4])]}, r"pass layout='NHWC'",
    ),
    "other sizes": (
        {"val": [(_IMAGES[..., :1], _LABELS)]},
        r"val: images must have the shape \(N, 1, 2, 2\) of the first batch; got \(10, 1, 2, 1\)",
    ),
    "pixels beside floats": (
        {"val": _batches(_PIXELS)}, "val: images must all be floats, as the first; got uint8",
    ),
    "uneven batches": (
        {"train": [*_batches(), *_batches()]}, "train: batches must have the same number of images",
    ),
    "another description": (
        {"preprocessing": Preprocessing(1, (4, 4))},
        r"train: images must have the shape \(N, 1, 4, 4\) of the preprocessing",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("change", "message"), _BAD.values(), ids=_BAD)
def test_what_does_not_fit_is_one_error_before_training(change, message):
    with pytest.raises(DataError, match=message):
        PreparedBatches(**(_GOOD | change))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda y: y + 5, "labels: must be from 0 to 9, the classes of the data; got"),
        (lambda y: y / 2, "labels: must be integers; got float64"),
        (lambda y: y[:, None], "labels: must be one for each image"),
    ],
)
def test_labels_are_checked_in_each_batch(change, message):
    data = PreparedBatches(_with_labels(change), _with_labels(change), 10)
    for batches in (data.train_batches(0, 0), data.val_batches()):
        with pytest.raises(DataError, match=message):
            list(batches)


@pytest.mark.parametrize(
    "change", [{"layout": "CHW"}, {"preprocessing": (1, 2, 2)}, {"steps_per_epoch": 0}]
)
def test_other_settings_are_a_config_error(change):
    with pytest.raises(ConfigError, match=f"^{next(iter(change))}: must be"):
        PreparedBatches(**(_GOOD | change))


class _Endless(_Anew):
    """What is read of a `tf.data.Dataset` that repeats."""

    def cardinality(self):
        return -1


def test_batches_without_an_end_need_a_number_of_steps():
    with pytest.raises(DataError, match="train: must have an end; .*; pass steps_per_epoch"):
        PreparedBatches(_Endless(_batches()), _batches(), 10)
    data = PreparedBatches(_Endless(_batches()), _batches(), 10, steps_per_epoch=1)
    assert len(list(data.train_batches(0, 0))) == 1


def _said(caplog, *arguments, **options):
    with caplog.at_level(logging.WARNING, "anynet"):
        PreparedBatches(*arguments, 10, **options)
    return [record.getMessage() for record in caplog.records]


def test_what_cannot_be_promised_is_said_once(caplog):
    (said,) = _said(caplog, _batches(), _batches())
    assert "begins the interrupted epoch again" in said
    assert "pass a Preprocessing" in said


def test_a_description_needs_no_assumption(caplog):
    seen = Preprocessing(1, (2, 2), mean=(0.3,), std=(0.1,))
    (said,) = _said(caplog, _batches(), _batches(), preprocessing=seen)
    assert "assumes" not in said


@pytest.mark.parametrize("seen", [None, Preprocessing(1, (2, 2), mean=(0.5,), std=(0.25,))])
def test_floats_that_look_like_pixels_are_said(caplog, seen):
    batches = _batches(_PIXELS.astype(np.float32))
    said = _said(caplog, batches, batches, preprocessing=seen)
    assert "never scaled; got values up to" in said[-1]


class _StoppedError(Exception):
    pass


def _fit(folder, resume, fails_at=None, **options):
    """The rows of a run of two epochs of four steps that checkpoints whenever it may."""
    data = PreparedBatches(*[_batches(labels=_LABELS % 4, size=2)[:4]] * 2, classes=10)
    trainer = FakeTrainer(2, out=folder, log_every=1, checkpoint_every=0, **options)
    learner, step = trainer.learner, trainer.learner.train_step
    learner.eval_step = lambda images: np.zeros((len(images), 10), np.float32)

    def train_step(*batch):
        if learner.steps + 1 == fails_at:
            raise _StoppedError
        return step(*batch)

    learner.train_step = train_step
    return trainer.fit(Model(), data, resume)


def test_a_run_that_stops_within_an_epoch_begins_it_again(tmp_path):
    with pytest.raises(_StoppedError):
        _fit(tmp_path, False, fails_at=7)
    rows = _fit(tmp_path, True)
    assert rows[0]["step"] == 4
    assert rows[-1]["kind"] == "end"


def test_a_resume_within_an_epoch_is_refused():
    with pytest.raises(DataError, match="batches of others begin with an epoch; got batch 1"):
        next(PreparedBatches(**_GOOD).train_batches(0, 0, 1))
