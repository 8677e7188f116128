"""Data that a device keeps: the same steps bit for bit as from arrays, in every framework."""

import numpy as np
import pytest

from common import AnyNetSpec
from common.data import ArrayData, Augmentation
from common.data.rows import Rows
from common.errors import DataError

_SPEC = AnyNetSpec.from_arch(((1, 8, 4, 1),), 8)
_STREAM = np.random.default_rng(0)
_PIXELS = _STREAM.integers(0, 256, (30, 1, 12, 12), np.uint8)
_LABELS = _STREAM.integers(0, 10, 30)


def _fit(backend, **settings):
    val, mixup = (_PIXELS[:11], _LABELS[:11]), Augmentation(mixup=0.3)
    data = ArrayData(_PIXELS, _LABELS, 8, val, tuple("abcdefghij"), augmentation=mixup)
    trainer = backend.Trainer(2, 0, progress=False, log_every=1, precise_bn=16, **settings)
    trainer.fit(backend.AnyNet.from_spec(_SPEC), data)
    rows = [{k: v for k, v in row.items() if "second" not in k} for row in trainer.history[1:]]
    return rows, backend.get_weights(trainer.network)


@pytest.fixture
def given(backend, monkeypatch):
    """The kinds of images that training steps get from here on."""
    kinds, train_step = [], backend.Learner.train_step

    def told(self, images, *arguments):
        kinds.append(type(images))
        return train_step(self, images, *arguments)

    monkeypatch.setattr(backend.Learner, "train_step", told)
    return kinds


@pytest.mark.bare("torch")
def test_a_run_on_data_that_the_device_keeps_is_the_same_run(backend, monkeypatch, given):
    rows, weights = _fit(backend)
    assert set(given) == {np.ndarray}
    monkeypatch.setattr(backend.Learner, "data_room", 10**9, raising=False)
    given.clear()
    others, same = _fit(backend)
    assert set(given) == {Rows}
    assert others == rows
    assert [name for name in weights if not np.array_equal(weights[name], same[name])] == []


def test_a_cpu_keeps_no_data(backend):
    learner = backend.Learner(backend.create(_SPEC), (1, 12, 12), device="cpu")
    assert getattr(learner, "data_room", 0) == 0


def test_rows_of_other_channels_are_refused(backend):
    learner = backend.Learner(backend.create(_SPEC), (1, 12, 12), device="cpu")
    rows = Rows(np.zeros((4, 3, 12, 12), np.uint8), np.arange(2))
    with pytest.raises(DataError, match=r"^images: must have the shape \(N, 1, "):
        learner.train_step(rows, np.zeros(2, np.int32), 0.1)
