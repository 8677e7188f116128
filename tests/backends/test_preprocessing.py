"""How pixels become the input of a network: the same numbers in every framework."""

import numpy as np
import pytest

from common import reference
from common.arch import AnyNetSpec
from common.data import (
    ArrayData,
    Augmentation,
    ImageFolder,
    IndexedData,
    Preprocessing,
    network_input,
)
from common.errors import ConfigError, DataError

_SPEC = AnyNetSpec.from_arch([(1, 16, 8, 1, 2)], 8, num_classes=4, in_channels=3)
_COLOUR = Preprocessing(
    3, (16, 12), antialias=True, scale=1 / 128, mean=(0.9, 1.0, 1.1), std=(0.5, 0.4, 0.3)
)
_STREAM = np.random.default_rng(0)
_PIXELS = _STREAM.integers(0, 256, (6, 3, 16, 12), np.uint8)
_LABELS = np.array([0, 1, 2, 3, 0, 1], np.int32)


def test_a_learner_normalises_pixels_as_the_definition_does(backend):
    network = backend.create(_SPEC)
    images = np.stack([network_input(image.transpose(1, 2, 0), _COLOUR) for image in _PIXELS])
    learner = backend.Learner(network, _COLOUR, device="cpu")
    expected = backend.logits(network, images)
    np.testing.assert_allclose(learner.eval_step(_PIXELS), expected, atol=1e-5)


def test_a_step_on_normalised_pixels_is_the_references(backend):
    learner = backend.Learner(backend.create(_SPEC), _COLOUR, device="cpu", precision="float64")
    truth = reference.Learner(reference.create(_SPEC), _COLOUR)
    for _ in range(2):
        loss, right = learner.train_step(_PIXELS, _LABELS, 0.1)
        expected, wanted = truth.train_step(_PIXELS, _LABELS, 0.1)
        assert float(loss) == pytest.approx(float(expected), rel=1e-10)
        assert int(right) == int(wanted)
    found = learner.state()
    for name, array in truth.state().items():
        np.testing.assert_allclose(found[name], array, rtol=1e-8, atol=1e-10, err_msg=name)


def test_grey_pixels_are_resized_and_normalised_on_the_device(backend):
    spec = AnyNetSpec.from_arch([(1, 16, 8, 1, 2)], 8, num_classes=4)
    seen = Preprocessing(1, (20, 10), mean=(0.3,), std=(0.2,))
    learner = backend.Learner(backend.create(spec), seen, device="cpu", precision="float64")
    truth = reference.Learner(reference.create(spec), seen)
    np.testing.assert_allclose(
        learner.eval_step(_PIXELS[:, :1]), truth.eval_step(_PIXELS[:, :1]), rtol=1e-9, atol=1e-12
    )


def test_pixels_that_are_not_resized_yet_are_refused(backend):
    learner = backend.Learner(backend.create(_SPEC), _COLOUR, device="cpu")
    with pytest.raises(DataError, match="must be of 16x12 pixels, .* got 16x11"):
        learner.eval_step(_PIXELS[..., :11])


def test_other_channels_than_the_networks_are_refused(backend):
    with pytest.raises(ConfigError, match="must have the 3 channels that the network takes; got 1"):
        backend.Learner(backend.create(_SPEC), Preprocessing(1, (8, 8)))


def _coloured(count):
    """Images whose class shows in their colour alone."""
    labels = np.arange(count) % 4
    means = np.array([[200, 60, 60], [60, 200, 60], [60, 60, 200], [160, 160, 60]])
    noise = _STREAM.normal(0, 30, (count, 3, 16, 16))
    images = np.clip(means[labels][:, :, None, None] + noise, 0, 255).astype(np.uint8)
    return images, labels


def test_colour_images_are_trained_on_with_augmentation(backend):
    images, labels = _coloured(240)
    augmentation = Augmentation("padded", padding=2, flip=True)
    data = ArrayData(images, labels, 20, augmentation=augmentation)
    trainer = backend.Trainer(3, num_gpus=0, progress=False)
    model = backend.AnyNet.from_spec(_SPEC, lr=0.1)
    trainer.fit(model, data)
    assert trainer.evaluation.accuracy > 0.95


def test_a_folder_of_photos_is_trained_on(backend, tmp_path):
    from PIL import Image

    images, labels = _coloured(80)
    for number, (image, label) in enumerate(zip(images, labels, strict=True)):
        folder = tmp_path / f"class {label}"
        folder.mkdir(exist_ok=True)
        picture = Image.fromarray(image.transpose(1, 2, 0)).resize((20 + number % 7, 24))
        picture.save(folder / f"{number}.png")
    data = ImageFolder(tmp_path, 16, 16)
    trainer = backend.Trainer(4, num_gpus=0, progress=False)
    trainer.fit(backend.AnyNet.from_spec(_SPEC, lr=0.1), data)
    assert trainer.evaluation.accuracy > 0.9


class _Changed(IndexedData):
    """Data whose batches somebody changed."""

    def __init__(self, change):
        items = list(zip(_PIXELS, _LABELS % 3, strict=True))
        super().__init__(items, items, batch_size=6, size=16)
        self._change = change

    def train_batches(self, seed, epoch, start=0):
        for images, labels in super().train_batches(seed, epoch, start):
            yield self._change(images, labels)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x, y: (x, y + 2), r"labels: must be from 0 to 3, .*; got 2 to 4"),
        (lambda x, y: (x, y - 1), r"labels: must be from 0 to 3, .*; got -1 to 1"),
        (lambda x, y: (x, y / 2), r"labels: must be integers; got float64"),
        (lambda x, y: (x, y[:, None]), r"labels: must be one for each image, of shape \(6,\)"),
        (lambda x, y: (x[:, :1], y), r"images: must have the shape \(N, 3, height, width\)"),
        (lambda x, y: (x.transpose(0, 2, 3, 1), y), r"images.transpose\(0, 3, 1, 2\) puts"),
        (lambda x, y: (x[..., :15], y), r"images: must be of 16x16 pixels, .* got 16x15"),
        (lambda x, y: (x / np.float32(255), y), r"images: must be pixels, .*; got float32"),
        (lambda x, y: (x.astype(int) + 200, y), r"images: must be pixels from 0 to 255; got"),
    ],
    ids=[
        "label too large", "negative label", "label not an integer", "labels in a column",
        "one channel", "channels last", "another size", "prepared floats", "beyond 255",
    ],
)  # fmt: skip
def test_a_batch_that_does_not_fit_is_one_error_before_the_first_step(backend, change, message):
    model = backend.AnyNet.from_spec(_SPEC, lr=0.1)
    trainer = backend.Trainer(1, num_gpus=0, progress=False)
    with pytest.raises(DataError, match=message) as error:
        trainer.fit(model, _Changed(change))
    assert str(error.value).count("\n") == 0
    assert [row["kind"] for row in trainer.history] == ["start"]


def test_a_data_set_of_others_is_trained_on(backend):
    items = list(zip(*_coloured(160), strict=True))
    data = IndexedData(items, batch_size=16, size=16, workers=2)
    trainer = backend.Trainer(3, num_gpus=0, progress=False)
    trainer.fit(backend.AnyNet.from_spec(_SPEC, lr=0.1), data)
    assert trainer.evaluation.accuracy > 0.9
