"""Precise batch norm, with the network that is written in NumPy."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from common import AnyNetSpec, reference
from common.errors import ConfigError
from common.reference.learner import Learner
from common.training import Recipe, TrainConfig
from common.training.precise_bn import images_taken, renew_statistics, validation
from common.weights import shown_weights
from tests.common.training.fakes import Data, FakeTrainer, Model

_SPEC = AnyNetSpec.from_arch(((1, 4, 2, 1),), 4)
_SHAPE = (1, 8, 8)
_STREAM = np.random.default_rng(0)
_IMAGES = _STREAM.integers(0, 256, (12, *_SHAPE), np.uint8)
_LABELS = _STREAM.integers(0, 10, 12, np.int32)


def _learner(momentum, seed=0):
    spec = replace(_SPEC, bn_momentum=momentum)
    return Learner(reference.create(spec, seed), _SHAPE)


def _batches(size):
    return [(_IMAGES[i : i + size], _LABELS[i : i + size]) for i in range(0, 12, size)]


def test_statistics_are_those_of_all_images_at_once():
    # Of the first batch norm, for what the others see depends on the batch.
    whole, parts = _learner(0.1), _learner(0.1)
    renew_statistics(whole, _learner(1.0, seed=1), _batches(12))
    renew_statistics(parts, _learner(1.0, seed=1), _batches(4))
    for ending in ("running_mean", "running_var"):
        name = f"stem.bn.{ending}"
        np.testing.assert_allclose(parts.state()[name], whole.state()[name], rtol=1e-12)
        assert np.abs(parts.state()[name] - _learner(0.1).state()[name]).min() > 1e-6


def test_weights_stay_as_they_were():
    learner = _learner(0.1)
    before = learner.state()
    renew_statistics(learner, _learner(1.0, seed=1), _batches(4))
    for name, array in learner.state().items():
        assert ("running" in name) != np.array_equal(array, before[name]), name


def test_of_an_averaged_network_its_own_statistics_are_replaced():
    recipe = Recipe(ema_decay=0.9)
    learner = Learner(reference.create(replace(_SPEC, bn_momentum=0.1)), _SHAPE, recipe)
    learner.train_step(_IMAGES, _LABELS, 0.5)
    before, averaged = learner.state(), _learner(0.1)
    averaged.load_state(shown_weights(before))
    for each in (learner, averaged):
        renew_statistics(each, _learner(1.0, seed=1), _batches(4))
    state = learner.state()
    assert [name for name in shown_weights(state) if not np.array_equal(
        shown_weights(state)[name], averaged.state()[name])] == []  # fmt: skip
    assert [name for name in before if not np.array_equal(before[name], state[name])] == [
        f"{name}.average" for name in averaged.state() if "running" in name
    ]


def test_a_network_without_batch_norms_is_refused():
    spec = replace(_SPEC, batch_norm=False)
    with pytest.raises(ConfigError, match="needs a spec with batch norms; got a network without"):
        validation(_learner(0.1), Data(), 8, spec, _learner)


def test_a_model_without_a_spec_is_refused(tmp_path):
    class ByHand(Model):
        spec = None

    with pytest.raises(ConfigError, match="needs a spec with batch norms; got no spec"):
        FakeTrainer(1, precise_bn=8).fit(ByHand(), Data())


@pytest.mark.parametrize(("images", "message"), [(-1, "at least 0"), (127, "a batch of 128")])
def test_bad_numbers_of_images_are_config_errors(images, message):
    with pytest.raises(ConfigError, match=f"precise_bn: .*{message}"):
        TrainConfig("torch", precise_bn=images)


@pytest.mark.parametrize(("asked", "taken"), [(0, 0), (8, 8), (11, 8), (24, 24), (10**6, 24)])
def test_fewer_images_than_were_asked_for_are_told_of(asked, taken, caplog):
    data = SimpleNamespace(batch_size=4, steps_per_epoch=6)
    assert images_taken(asked, data) == taken
    told = f"statistics are over {taken} training images, whole batches of 4, of the {asked}"
    assert (told in caplog.text) == (taken < asked)
    assert len(caplog.records) == (taken < asked)
