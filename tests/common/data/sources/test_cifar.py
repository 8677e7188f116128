"""CIFAR's files in both layouts, made small."""

import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from common.data import CIFAR10, open_data, stretched
from common.data.sources import CIFAR_10, CIFAR_100, read_cifar
from common.errors import DataError

_ROWS = np.random.default_rng(0).integers(0, 256, (6, 3072), np.uint8)
_SETS = [CIFAR_10, CIFAR_100]


def _labels(which, rows):
    return [index % len(_names(which)) for index in range(len(rows))]


def _names(which):
    return ["a", "b"] if which is CIFAR_10 else ["x", "y", "z"]


def _write(which, root, python=True, rows=_ROWS):
    name, train, test = which.python if python else which.binary
    folder = root / name
    folder.mkdir(parents=True)
    for file in (*train, test):
        if python:
            items = {b"data": rows, which.label.encode(): _labels(which, rows)}
            (folder / file).write_bytes(pickle.dumps(items, protocol=2))
        else:
            before = np.zeros((len(rows), which.bytes_before), np.uint8)
            before[:, -1] = _labels(which, rows)
            (folder / file).write_bytes(np.hstack([before, rows]).tobytes())
    meta, key, text = which.meta
    if python:
        (folder / meta).write_bytes(pickle.dumps({key.encode(): _names(which)}, protocol=2))
    else:
        (folder / text).write_text("\n".join(_names(which)) + "\n\n")
    return folder


@pytest.mark.parametrize("which", _SETS, ids=lambda which: which.name)
@pytest.mark.parametrize("python", [True, False], ids=["python", "binary"])
@pytest.mark.parametrize("above", [True, False], ids=["above", "itself"])
def test_images_labels_and_names_are_those_of_the_files(which, python, above, tmp_path):
    folder = _write(which, tmp_path, python)
    train, test = read_cifar(which, tmp_path if above else folder)
    assert train.classes == tuple(_names(which))
    assert len(train) == 6 * len(which.python[1])
    assert test.labels.tolist() == _labels(which, _ROWS)
    assert np.array_equal(test.read(4), _ROWS[4].reshape(3, 32, 32).transpose(1, 2, 0))


def test_it_is_found_where_the_environment_says(tmp_path, monkeypatch):
    _write(CIFAR_10, tmp_path)
    monkeypatch.setenv("ANYNET_DATA", str(tmp_path))
    assert len(read_cifar(CIFAR_10).val) == 6


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "must be a file of CIFAR-10"),
        (pickle.dumps([1]), "must be a file of CIFAR-10; got a list"),
        (pickle.dumps({b"data": _ROWS[:, :9], b"labels": [0] * 6}), "must be a file of CIFAR-10"),
        (pickle.dumps({b"data": os.system}), "which no file of CIFAR holds"),
    ],
)
def test_a_file_of_something_else_is_one_clear_error(content, message, tmp_path):
    folder = _write(CIFAR_10, tmp_path)
    (folder / "test_batch").write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_cifar(CIFAR_10, tmp_path)


def test_a_directory_without_it_is_refused(tmp_path):
    with pytest.raises(DataError, match="cifar-10-batches-py or cifar-10-batches-bin of CIFAR-10"):
        read_cifar(CIFAR_10, tmp_path)


def test_a_directory_of_its_files_is_data(tmp_path):
    folder = _write(CIFAR_10, tmp_path, rows=np.tile(_ROWS, (2, 1)))
    for name in (str(folder), str(tmp_path)):
        data = open_data(name, 4, (32, 32))
        assert data.classes == ("a", "b")
        assert data.preprocessing == stretched(32, 3, CIFAR10.mean, CIFAR10.std)
        assert data.requested == str(Path(name).absolute())
