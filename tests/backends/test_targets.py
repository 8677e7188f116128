"""Steps on target probabilities, smoothed labels, mixed images and prepared images."""

from importlib import import_module

import numpy as np
import pytest

from common import AnyNetSpec, reference
from common.arrays import as_array
from common.data import ArrayData, Augmentation, Preprocessing
from common.data.mixup import mixed
from common.errors import ConfigError, DataError
from common.training import Recipe

_SPEC = AnyNetSpec.from_arch(((1, 16, 8, 1, 2),), 8, num_classes=4, in_channels=3)
_SEEN = Preprocessing(
    3, (16, 12), antialias=True, scale=1 / 128, mean=(0.9, 1.0, 1.1), std=(0.5, 0.4, 0.3)
)
_STREAM = np.random.default_rng(0)
_PIXELS = _STREAM.integers(0, 256, (7, 3, 16, 12), np.uint8)
_PREPARED = _STREAM.normal(size=(7, 3, 16, 12))
_LABELS = np.array([0, 1, 2, 3, 0, 1, 2], np.int32)
_SHARES = _STREAM.random(7)
_TARGETS = _STREAM.dirichlet(np.ones(4), 7)
_SMOOTHED = Recipe(0.9, True, label_smoothing=0.1)


def _learner(backend, recipe=_SMOOTHED, model=None, **options):
    model = backend.create(_SPEC) if model is None else model
    return backend.Learner(model, _SEEN, recipe, device="cpu", **options)


def test_mixed_images_are_the_definitions(backend, native):
    mix_images = import_module(f"{backend.__name__}.layers").mix_images
    with native.in_float64():
        found = mix_images(native.array(_PREPARED), native.array(_SHARES))
        expected = mixed(_PREPARED, _SHARES)
        np.testing.assert_allclose(as_array(found), expected, rtol=0, atol=1e-12)


_BATCHES = {
    "smoothed labels": (_PIXELS, _LABELS, 0.1),
    "target probabilities": (_PIXELS, _TARGETS, 0.1),
    "mixed images": (_PIXELS, _LABELS, 0.1, _SHARES),
    "mixed probabilities": (_PIXELS, _TARGETS, 0.1, _SHARES),
    "prepared images": (_PREPARED, _LABELS, 0.1),
}


@pytest.mark.bare("torch", "mx", "tf")
def test_steps_are_the_references_whatever_the_batch(backend):
    learner = _learner(backend, precision="float64")
    truth = reference.Learner(reference.create(_SPEC), _SEEN, _SMOOTHED)
    for name, batch in _BATCHES.items():
        (loss, right), (expected, wanted) = (one.train_step(*batch) for one in (learner, truth))
        assert float(loss) == pytest.approx(expected, rel=1e-12), name
        assert int(right) == wanted, name
    found = learner.state()
    for name, array in truth.state().items():
        np.testing.assert_allclose(found[name], array, rtol=1e-9, atol=1e-12, err_msg=name)
    logits = learner.eval_step(_PREPARED)
    np.testing.assert_allclose(logits, truth.eval_step(_PREPARED), rtol=1e-9, atol=1e-12)


def test_targets_of_certainty_are_the_labels(backend):
    hard, soft = (_learner(backend, Recipe()) for _ in range(2))
    one_hot = np.eye(4, dtype=np.float32)[_LABELS]
    (loss, right), (expected, wanted) = (
        hard.train_step(_PIXELS, _LABELS, 0.1), soft.train_step(_PIXELS, one_hot, 0.1),
    )  # fmt: skip
    assert float(loss) == pytest.approx(float(expected), rel=1e-6)
    assert int(right) == int(wanted)


_BAD = {
    "a row that sums to 2": (_PIXELS, 2 * _TARGETS, "labels: .* must sum to 1; got 2 for image 0"),
    "a negative one": (_PIXELS, _TARGETS - 0.5, "labels: .* must be finite and at least 0"),
    "not a number": (_PIXELS, _TARGETS * np.nan, "labels: .* must be finite and at least 0"),
    "five classes": (_PIXELS, np.full((7, 5), 0.2), r"of shape \(7, 4\); got \(7, 5\)"),
    "too few": (_PIXELS, _TARGETS[:3], r"of shape \(7, 4\); got \(3, 4\)"),
    "prepared images of another size": (
        _PREPARED[..., :11], _LABELS, r"images: must have the shape \(N, 3, 16, 12\); got",
    ),
    "prepared images, channels last": (
        _PREPARED.transpose(0, 2, 3, 1), _LABELS, "puts the channels first",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def learner(backend):
    return _learner(backend)


@pytest.mark.parametrize(("images", "labels", "message"), _BAD.values(), ids=_BAD)
def test_other_targets_or_prepared_images_are_a_data_error(learner, images, labels, message):
    with pytest.raises(DataError, match=message):
        learner.train_step(images, labels, 0.1)


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        (_SHARES[:3], r"shares: must be one for each image, of shape \(7,\); got \(3,\)"),
        (_SHARES + 1, "shares: must be from 0 to 1; got"),
        (_SHARES * np.nan, "shares: must be from 0 to 1; got nan"),
    ],
)
def test_other_shares_are_a_data_error(learner, shares, message):
    with pytest.raises(DataError, match=message):
        learner.train_step(_PIXELS, _LABELS, 0.1, shares)


def _with_own_loss(backend):
    def loss(self, logits, labels):
        return 2 * backend.AnyNet.loss(self, logits, labels)

    return type("Mine", (backend.AnyNet,), {"loss": loss})(spec=_SPEC)


def test_an_own_loss_and_smoothed_or_mixed_labels_are_refused_before_the_first_step(backend):
    model = _with_own_loss(backend)
    data = ArrayData(_PIXELS, _LABELS, 2, (_PIXELS, _LABELS), augmentation=Augmentation(mixup=0.2))
    with pytest.raises(ConfigError, match="^label_smoothing: must be 0 for a model with a loss of"):
        _learner(backend, model=model)
    trainer = backend.Trainer(1, 0, progress=False)
    with pytest.raises(ConfigError, match="^mixup: must be 0 for a model with a loss of its own"):
        trainer.fit(model, data)
    assert trainer.history == []


@pytest.mark.parametrize(
    ("labels", "shares", "got"),
    [(_TARGETS, None, "target probabilities"), (_LABELS, _SHARES, "mixup")],
)
def test_an_own_loss_takes_integer_labels_alone(backend, labels, shares, got):
    learner = _learner(backend, Recipe(), _with_own_loss(backend))
    with pytest.raises(DataError, match=f"labels: must be integers, and not mixed, .* got {got}"):
        learner.train_step(_PIXELS, labels, 0.1, shares)
