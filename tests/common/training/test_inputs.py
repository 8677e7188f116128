"""What a step is given, as the arrays that all four learners take."""

import numpy as np
import pytest

from common.data import Preprocessing
from common.errors import ConfigError, DataError, TrainingError
from common.training import Recipe, StepInputs, TrainConfig
from tests.common.training.fakes import SPEC, Data, FakeTrainer, Learner, Model

_SEEN = Preprocessing(1, (2, 2))
_PIXELS = np.zeros((2, 1, 2, 2), np.uint8)
_LABELS = np.array([1, 0], np.int32)


def test_integer_labels_and_pixels_are_given_on_as_they_are():
    images, labels = StepInputs(_SEEN, 4).batch(_PIXELS, _LABELS)
    assert images is _PIXELS
    assert labels is _LABELS


def test_smoothing_spreads_its_share_over_all_classes():
    _, targets = StepInputs(_SEEN, 4, 0.2).batch(_PIXELS, _LABELS)
    assert targets.dtype == np.float32
    np.testing.assert_allclose(targets, [[0.05, 0.85, 0.05, 0.05], [0.85, 0.05, 0.05, 0.05]])


def test_targets_are_mixed_like_images_and_then_smoothed():
    inputs = StepInputs(_SEEN, 2, 0.1, precision="float64")
    _, targets, shares = inputs.batch(_PIXELS, _LABELS, [0.75, 0.5])
    assert targets.dtype == shares.dtype == np.float64
    np.testing.assert_allclose(targets, [[0.275, 0.725], [0.5, 0.5]], rtol=1e-15)


@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_prepared_images_are_converted_and_not_scaled(dtype):
    images = StepInputs(_SEEN, 2).images(np.full((1, 1, 2, 2), -1.5, dtype))
    assert images.dtype == np.float32
    assert (images == -1.5).all()


@pytest.mark.parametrize("value", [-0.1, 1, float("nan"), "0.1"])
def test_smoothing_is_at_least_0_and_below_1(value):
    with pytest.raises(ConfigError, match="^label_smoothing: must be at least 0 and below 1; got"):
        Recipe(label_smoothing=value)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_a_config_comes_back_and_names_smoothing_only_where_there_is_any(smoothing):
    config = TrainConfig("torch", SPEC, recipe=Recipe(0.9, label_smoothing=smoothing))
    text = config.to_json()
    assert ("label_smoothing" in text) == bool(smoothing)
    assert TrainConfig.from_json(text) == config


class _Mixed(Data):
    """Batches with shares of mixup."""

    def train_batches(self, seed, epoch, start=0):
        for images, labels in super().train_batches(seed, epoch, start):
            yield images, labels, np.full(4, 0.5)


def test_shares_reach_the_training_step_and_no_other(monkeypatch):
    seen = []

    def train_step(self, images, labels, learning_rate, shares=None):
        seen.append(shares)
        return step(self, images, labels, learning_rate)

    step = Learner.train_step
    monkeypatch.setattr(Learner, "train_step", train_step)
    FakeTrainer(1).fit(Model(), _Mixed())
    assert [shares.tolist() for shares in seen] == [[0.5] * 4] * 2


_WRONG = {
    "a dictionary": lambda x, y: {"images": x, "labels": y},
    "one array": lambda x, y: [x],
    "four arrays": lambda x, y: (x, y, y, y),
}


@pytest.mark.parametrize("part", ["train", "val"])
@pytest.mark.parametrize("change", _WRONG.values(), ids=_WRONG)
def test_what_is_no_batch_is_one_error(monkeypatch, part, change):
    batches = getattr(Data, f"{part}_batches")
    monkeypatch.setattr(
        Data, f"{part}_batches", lambda self, *key: (change(*b) for b in batches(self, *key))
    )
    with pytest.raises(DataError, match="^data: a batch must be a pair of images and labels"):
        FakeTrainer(1).fit(Model(), Data())


def test_a_validation_batch_with_shares_is_refused(monkeypatch):
    monkeypatch.setattr(Data, "val_batches", lambda self: _Mixed().train_batches(0, 0))
    with pytest.raises((DataError, TrainingError), match="got tuple of 3"):
        FakeTrainer(1).fit(Model(), Data())
