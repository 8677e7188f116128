"""Keras's `compile` and this project's training of one network, in any order."""

import logging

import numpy as np
import pytest

keras = pytest.importorskip("keras")

import anynet_tf as anynet  # noqa: E402
from tests.backends.test_overrides import _DATA, _IMAGES, _LABELS, _model  # noqa: E402

_SETTINGS = [
    {},
    {"optimizer": "adam", "loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]},
    {"optimizer": "sgd", "loss": "mse"},
]


def _train(model):
    trainer = anynet.Trainer(1, 0, progress=False)
    trainer.fit(model, _DATA)
    return anynet.get_weights(trainer.network)


@pytest.mark.parametrize("settings", _SETTINGS, ids=str)
def test_training_after_compile_is_training_without(settings, caplog):
    model = _model(anynet)
    model.compile(**settings)
    with caplog.at_level(logging.WARNING, "anynet"):
        compiled = _train(model)
    assert "what compile was given is for Keras's own fit" in caplog.text
    plain = _train(_model(anynet))
    assert [name for name in plain if not np.array_equal(plain[name], compiled[name])] == []


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras's own
def test_keras_trains_and_saves_what_was_compiled(tmp_path):
    model, images = anynet.AnyNet(((1, 8, 4, 1),), 8), _IMAGES.transpose(0, 2, 3, 1) / 255.0
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss=loss)
    losses = model.fit(images, _LABELS, epochs=4, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    _train(model)
    model.save(tmp_path / "net.keras")
    loaded = keras.models.load_model(tmp_path / "net.keras")
    expected = model.evaluate(images, _LABELS, verbose=0)
    assert loaded.evaluate(images, _LABELS, verbose=0) == pytest.approx(expected, rel=1e-5)
