"""Batches of the framework's own loader are trained on as they are."""

import numpy as np
import pytest

from common import AnyNetSpec
from common.data import ArrayData, PreparedBatches, Preprocessing
from common.errors import ConfigError, DataError
from common.weights import load_description

_SPEC = AnyNetSpec.from_arch(((1, 16, 8, 1, 2),), 8, num_classes=4, in_channels=3)
_SEEN = Preprocessing(3, (16, 12), antialias=True, mean=(0.4, 0.5, 0.6), std=(0.2, 0.25, 0.3))
_STREAM = np.random.default_rng(0)
_PIXELS = _STREAM.integers(0, 256, (19, 3, 16, 12), np.uint8)
_LABELS = _STREAM.integers(0, 4, 19).astype(np.int64)
_MEAN, _STD = (np.array(values)[:, None, None] for values in (_SEEN.mean, _SEEN.std))
_PREPARED = ((_PIXELS / 255 - _MEAN) / _STD).astype(np.float32)


class _InOrder(ArrayData):
    """The same batches as pixels."""

    def train_batches(self, seed, epoch, start=0):
        for step in range(start, self.steps_per_epoch):
            part = slice(8 * step, 8 * step + 8)
            yield _PIXELS[part], _LABELS[part]


def _fit(backend, data, **options):
    trainer = backend.Trainer(1, 0, progress=False, log_every=1, **options)
    trainer.fit(backend.AnyNet.from_spec(_SPEC, lr=0.1), data)
    return trainer


def _batches(native, images, labels=_LABELS, **options):
    train, layout = native.loader(images, labels, 8)
    return PreparedBatches(train, train, classes=4, layout=layout, **options)


@pytest.mark.parametrize("kind", ["prepared", "pixels"])
def test_batches_of_a_loader_are_scaled_once(backend, native, kind, tmp_path):
    plain = _InOrder(_PIXELS, _LABELS, 8, val=(_PIXELS, _LABELS))
    plain.preprocessing = _SEEN
    images = _PREPARED if kind == "prepared" else _PIXELS
    data = _batches(native, images, preprocessing=_SEEN)
    trainer = _fit(backend, data, out=tmp_path)
    for row, expected in zip(trainer.history, _fit(backend, plain).history, strict=True):
        for name in {"loss", "train_loss", "val_loss", "accuracy"} & row.keys():
            assert row[name] == pytest.approx(expected[name], rel=1e-4), name
    assert load_description(tmp_path / "model.safetensors").preprocessing == _SEEN


@pytest.mark.bare("torch", "mx")
def test_batches_that_nobody_describes_leave_files_without_a_description(backend, native, tmp_path):
    _fit(backend, _batches(native, _PREPARED), out=tmp_path)
    assert load_description(tmp_path / "model.safetensors") is None


@pytest.mark.parametrize(
    ("images", "labels", "error", "message"),
    [
        (_PREPARED, _LABELS + 1, DataError, "^labels: must be from 0 to 3, .*; got 1 to 4"),
        (_PREPARED[:, :2], _LABELS, ConfigError, "^model: must have in_channels 2 and num_class"),
    ],
)
def test_batches_that_do_not_fit_are_one_error_before_the_first_step(
    backend, native, images, labels, error, message
):
    with pytest.raises(error, match=message):
        _fit(backend, _batches(native, images, labels))


def test_a_loader_itself_is_refused_with_a_remedy(backend, native):
    with pytest.raises(DataError, match=r"PreparedBatches\(train, val\) takes batches"):
        _fit(backend, native.loader(_PREPARED, _LABELS, 8)[0])
