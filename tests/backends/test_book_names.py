"""What a reader of d2l calls is there under the same name, with the framework's own arrays."""

import numpy as np
import pytest

from common.data import prepare
from common.errors import DataError
from tests.backends.native import to_nchw


@pytest.fixture(scope="module")
def data(backend):
    return backend.FashionMNIST(batch_size=64, resize=(32, 32), source="sample")


def _numpy(array):
    return np.asarray(array.asnumpy() if hasattr(array, "asnumpy") else array)


@pytest.mark.parametrize("train", [True, False])
def test_a_loader_gives_batches_as_the_network_sees_them(backend, data, native, train):
    loader = data.train_dataloader() if train else data.val_dataloader()
    images, labels = next(iter(loader))
    assert (type(images), type(labels)) == (type(native.array(np.zeros(1))),) * 2
    assert _numpy(images).dtype == np.float32
    assert _numpy(labels).dtype == native.LABEL_DTYPE
    pixels, expected = next(data.train_batches(0, 0) if train else data.val_batches())
    np.testing.assert_allclose(to_nchw(backend, images), prepare(pixels, (32, 32)), atol=1e-6)
    np.testing.assert_array_equal(_numpy(labels), expected)


def test_a_loader_has_a_length(data):
    assert len(data.train_dataloader()) == len(data.train) // 64
    assert len(data.get_dataloader(False)) == sum(1 for _ in data.val_batches()) == 16


def test_training_images_come_in_another_order_each_time(data):
    loader = data.get_dataloader(True)
    first, second = (_numpy(next(iter(loader))[1]) for _ in range(2))
    assert not np.array_equal(first, second)
    again = _numpy(next(iter(data.train_dataloader()))[1])
    np.testing.assert_array_equal(first, again)


def test_labels_have_names(data, native):
    labels = native.array(np.array([0, 9, 6]))
    assert data.text_labels(labels) == ["t-shirt", "ankle boot", "shirt"]


@pytest.mark.parametrize("labels", [(), ["one", "two"]])
def test_a_batch_is_shown_under_its_labels(data, labels):
    batch = next(iter(data.val_dataloader()))
    figure = data.visualize(batch, nrows=2, ncols=3, labels=labels)
    titles = [axes.get_title() for axes in figure.axes]
    expected = labels or data.text_labels(batch[1])[:6]
    assert titles == [*expected, *[""] * (6 - len(expected))]


def test_images_of_three_channels_are_refused(data, native):
    with pytest.raises(DataError, match="images: must be a batch with one channel"):
        data.visualize((native.array(np.zeros((2, 5, 5, 3))), [0, 1]))


def test_the_accuracy_is_the_fraction_of_right_images(backend, native):
    logits = native.array(np.eye(4, 10, dtype=np.float32))
    labels = native.array(np.array([0, 1, 2, 9], native.LABEL_DTYPE))
    model = backend.RegNetX32()
    assert float(model.accuracy(logits, labels)) == 0.75
    np.testing.assert_array_equal(
        _numpy(model.accuracy(logits, labels, averaged=False)), [1, 1, 1, 0]
    )


def test_the_loss_of_each_image_averages_to_the_loss(backend, native):
    logits = native.array(np.random.default_rng(0).normal(size=(4, 10)).astype(np.float32))
    labels = native.array(np.array([0, 1, 2, 9], native.LABEL_DTYPE))
    model = backend.RegNetX32()
    losses = _numpy(model.loss(logits, labels, averaged=False))
    assert losses.shape == (4,)
    assert losses.mean() == pytest.approx(float(model.loss(logits, labels)), rel=1e-6)


def test_a_gpu_that_is_not_there_is_the_cpu(backend, native):
    assert "cpu" in native.device_of(backend.try_gpu(63)).lower()


def test_hyperparameters_are_kept(backend):
    class Kept(backend.HyperParameters):
        def __init__(self, width, depth, secret):
            self.save_hyperparameters(ignore=["secret"])

    kept = Kept(3, depth=4, secret=5)
    assert (kept.width, kept.depth, kept.hparams) == (3, 4, {"width": 3, "depth": 4})
    assert not hasattr(kept, "secret")


def test_a_method_is_added_to_a_class(backend):
    class Empty:
        """A class of a reader's."""

    @backend.add_to_class(Empty)
    def doubled(self, x):
        return 2 * x

    assert Empty().doubled(3) == 6
