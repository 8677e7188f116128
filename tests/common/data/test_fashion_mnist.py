"""Where Fashion-MNIST is found, what the sample is, and how batches are made."""

import logging
import shutil

import numpy as np
import pytest

from common.data import CLASSES, FashionMNIST, batch_order, find_fashion_mnist
from common.data import fashion_mnist_files as files
from common.data.idx import read_content, read_idx
from common.data.sample import FOLDER, PER_CLASS, draw_sample, write_idx
from common.errors import ConfigError, DataError


@pytest.fixture
def places(tmp_path, monkeypatch):
    """The sample's files in every place that is searched, and no network."""
    names = ("named", "variable", "cache", "system")
    folders = {name: shutil.copytree(FOLDER, tmp_path / name) for name in names}
    monkeypatch.setenv("ANYNET_DATA", str(folders["variable"]))
    monkeypatch.setattr(files, "_cache", lambda: folders["cache"])
    monkeypatch.setattr(files, "SYSTEM", folders["system"])
    return folders


def test_a_named_directory_comes_first(places):
    assert find_fashion_mnist(places["named"]) == places["named"]


def test_the_variable_comes_second(places):
    assert find_fashion_mnist() == places["variable"]


def test_the_cache_comes_third(places, monkeypatch):
    monkeypatch.delenv("ANYNET_DATA")
    assert find_fashion_mnist() == places["cache"]


def test_the_system_comes_fourth(places, monkeypatch):
    monkeypatch.delenv("ANYNET_DATA")
    (places["cache"] / "t10k-labels-idx1-ubyte.gz").unlink()
    assert find_fashion_mnist("full") == places["system"]


def test_a_download_comes_last(places, monkeypatch):
    monkeypatch.delenv("ANYNET_DATA")
    shutil.rmtree(places["cache"])
    shutil.rmtree(places["system"])
    asked = []
    monkeypatch.setattr(files, "download", lambda *arguments: asked.append(arguments))
    assert find_fashion_mnist() == places["cache"]
    assert asked == [(files.ADDRESS, files.DIGESTS, places["cache"])]


@pytest.mark.parametrize(("place", "where"), [("named", "data"), ("variable", r"\$ANYNET_DATA")])
def test_a_named_place_must_hold_all_files(places, place, where):
    (places[place] / "t10k-labels-idx1-ubyte.gz").unlink()
    source = places["named"] if place == "named" else "auto"
    with pytest.raises(DataError, match=f"^{where}: .* without t10k-labels-idx1-ubyte.gz"):
        find_fashion_mnist(source)


@pytest.mark.parametrize("source", [None, 3, b"sample", ["sample"]])
def test_a_source_that_is_no_name_is_refused(source):
    with pytest.raises(DataError, match="data: must be auto, full, sample or a directory; got"):
        FashionMNIST(source=source)


def test_images_and_labels_must_match(places):
    shutil.copy(
        FOLDER / "t10k-labels-idx1-ubyte.gz", places["named"] / "train-labels-idx1-ubyte.gz"
    )
    with pytest.raises(DataError, match="train-images-idx3-ubyte.gz: must hold .* as many as "):
        FashionMNIST(source=places["named"])


@pytest.mark.parametrize("shape", [(0, 28, 28), (3, 0, 28), (3, 28, 0), (3, 28)])
def test_images_have_pixels(places, shape):
    write_idx(places["named"] / "t10k-images-idx3-ubyte.gz", np.zeros(shape, np.uint8))
    write_idx(places["named"] / "t10k-labels-idx1-ubyte.gz", np.zeros(shape[0], np.uint8))
    with pytest.raises(DataError, match="t10k-images-idx3-ubyte.gz: must hold non-empty images"):
        FashionMNIST(source=places["named"])


@pytest.fixture
def whole_set():
    """The files of all 70,000 images."""
    if not files.SYSTEM.exists():
        pytest.skip("the whole set is not installed")
    return files.SYSTEM


@pytest.mark.parametrize("layout", [".", "raw", "FashionMNIST/raw"])
@pytest.mark.parametrize("is_packed", [True, False], ids=["gzipped", "unpacked"])
def test_the_files_may_lie_as_torchvision_leaves_them(tmp_path, layout, is_packed):
    (tmp_path / layout).mkdir(parents=True, exist_ok=True)
    for name in files.DIGESTS:
        content = (FOLDER / name).read_bytes() if is_packed else read_content(FOLDER / name)
        (tmp_path / layout / name.removesuffix("" if is_packed else ".gz")).write_bytes(content)
    data = FashionMNIST(source=tmp_path)
    assert data.describe() == f"6,000 + 1,000 images of Fashion-MNIST in {tmp_path / layout}"


def test_the_whole_set_is_known(whole_set):
    assert FashionMNIST(source=whole_set).is_known


def test_other_images_are_called_unknown(places, caplog):
    labels = read_idx(FOLDER / "t10k-labels-idx1-ubyte.gz")
    write_idx(places["named"] / "t10k-labels-idx1-ubyte.gz", labels[::-1].copy())
    data = FashionMNIST(source=places["named"])
    assert not data.is_known
    assert data.describe() == (
        f"6,000 + 1,000 unknown images in {places['named']} under Fashion-MNIST's names"
    )
    assert data.describe() in caplog.text


def test_using_the_sample_is_said_aloud(caplog):
    with caplog.at_level(logging.WARNING, "anynet"):
        data = FashionMNIST(source="sample")
    assert data.is_sample
    assert "the shipped sample, 6,000 + 1,000 images of Fashion-MNIST" in caplog.text


@pytest.mark.parametrize(("part", "each"), [("train", 600), ("val", 100)])
def test_the_sample_has_as_many_images_of_every_class(part, each):
    labels = getattr(FashionMNIST(source="sample"), part).labels
    assert np.bincount(labels).tolist() == [each] * 10


def test_the_sample_is_smaller_than_4_megabytes_and_has_its_licence():
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 4_000_000
    assert "Zalando" in (FOLDER / "LICENSE").read_text()


@pytest.mark.parametrize("part", ["train", "t10k"])
def test_the_sample_is_drawn_from_the_whole_set(whole_set, part):
    labels, kept = (
        read_idx(folder / f"{part}-labels-idx1-ubyte.gz") for folder in (whole_set, FOLDER)
    )
    images, kept_images = (
        read_idx(folder / f"{part}-images-idx3-ubyte.gz") for folder in (whole_set, FOLDER)
    )
    chosen = draw_sample(labels, PER_CLASS[part])
    np.testing.assert_array_equal(labels[chosen], kept)
    np.testing.assert_array_equal(images[chosen], kept_images)


def test_batches_are_uint8_images_with_int32_labels():
    images, labels = next(FashionMNIST(32, (96, 96), "sample").train_batches(0, 0))
    assert (images.dtype, images.shape) == (np.uint8, (32, 1, 28, 28))
    assert (labels.dtype, labels.shape) == (np.int32, (32,))


def test_networks_see_the_resized_shape():
    assert FashionMNIST(32, (96, 64), "sample").image_shape == (1, 96, 64)


def test_an_epoch_has_whole_batches_only():
    data = FashionMNIST(700, source="sample")
    assert [len(labels) for _, labels in data.train_batches(0, 0)] == [700] * 8
    assert data.steps_per_epoch == 8


def test_validation_sees_every_image_once_in_order():
    data = FashionMNIST(300, source="sample")
    batches = [labels for _, labels in data.val_batches()]
    assert [len(labels) for labels in batches] == [300, 300, 300, 100]
    np.testing.assert_array_equal(np.concatenate(batches), data.val.labels)


def test_a_later_start_continues_the_same_epoch():
    data = FashionMNIST(1000, source="sample")
    whole = [labels for _, labels in data.train_batches(3, 2)]
    rest = [labels for _, labels in data.train_batches(3, 2, start=4)]
    np.testing.assert_array_equal(whole[4:], rest)


def test_the_order_is_the_same_on_every_numpy():
    assert batch_order(10, seed=0, epoch=1).tolist() == [9, 1, 3, 8, 7, 6, 0, 4, 2, 5]


@pytest.mark.parametrize(("seed", "epoch"), [(1, 0), (0, 1)])
def test_seed_and_epoch_change_the_order(seed, epoch):
    assert not np.array_equal(batch_order(100, 0, 0), batch_order(100, seed, epoch))


@pytest.mark.parametrize("batch_size", [0, 6001])
def test_a_batch_size_out_of_range_is_a_config_error(batch_size):
    with pytest.raises(ConfigError, match=f"batch_size.*got {batch_size}"):
        FashionMNIST(batch_size, source="sample")


def test_the_classes_are_the_chapters():
    assert CLASSES[0] == "t-shirt"
    assert len(CLASSES) == 10
