"""The chapter's own cells run when `d2l` is this project."""

import re

import numpy as np
import pytest

from common.data import FashionMNIST
from tests.backends.cells import FOLDER, cells, run

_REFUSED = "tf.keras.models.Sequential(self.stem(stem_channels))"
_LISTED = "tf.keras.models.Sequential([self.stem(stem_channels)])"
"""Keras 3 takes a list of layers here, and no network."""


@pytest.fixture
def few_images(backend, monkeypatch):
    """The chapter's data with four small images of each part in place of all."""
    made = []

    class Few(backend.FashionMNIST):
        def __init__(self, batch_size, resize):
            super().__init__(4, (16, 16), "sample")
            made.append((batch_size, resize))

        steps_per_epoch = 1

        def val_batches(self):
            yield self.val.images[:4], self.val.labels[:4]

    monkeypatch.setattr(backend, "FashionMNIST", Few)
    return made


def _runnable(name):
    """The cells of a tab, and in TensorFlow's the one expression that Keras 3 refuses changed."""
    code = cells(name)
    if name != "tf":
        return code
    assert "\n".join(code).count(_REFUSED) == 1
    return [cell.replace(_REFUSED, _LISTED) for cell in code]


def test_the_cells_are_the_chapters_but_for_the_indentation():
    printed, indented = (
        re.sub(r"\s+", "", (FOLDER / name).read_text()) for name in ("printed.txt", "cells.txt")
    )
    assert indented == printed


def test_only_the_import_of_d2l_is_changed(name):
    theirs = (FOLDER / "cells.txt").read_text().split("\n")
    ours = "\n".join(cells(name)).split("\n")
    assert [line for line in ours if line not in theirs] == [f"import anynet_{name} as d2l"]


def test_the_chapter_runs_from_its_first_cell_to_its_last(backend, name, few_images, capsys):
    names = run(name, _runnable(name))
    assert few_images == [(128, (96, 96))]
    kinds = [row["kind"] for row in names["trainer"].history]
    assert (kinds.count("epoch"), kinds[-1]) == (10, "end")
    lines = [line for line in capsys.readouterr().out.splitlines() if "output shape" in line]
    shapes = [line.split("(")[1].rstrip(")").replace(" ", "") for line in lines]
    nchw = name in ("torch", "mx")
    assert shapes == [
        "1,32,48,48" if nchw else "1,48,48,32",
        "1,32,24,24" if nchw else "1,24,24,32",
        "1,80,12,12" if nchw else "1,12,12,80",
        *(["1,80,1,1"] if name == "mx" else []),  # its tab adds pooling and the linear layer apart
        "1,10",
    ]


@pytest.mark.full
def test_the_chapter_trains_on_images_of_its_size(backend, name, tmp_path, monkeypatch):
    sample = FashionMNIST(source="sample")
    for part, known in (("train", sample.train), ("t10k", sample.val)):
        _write(tmp_path / f"{part}-images-idx3-ubyte", known.images[:128, 0])
        _write(tmp_path / f"{part}-labels-idx1-ubyte", known.labels[:128].astype(np.uint8))
    monkeypatch.setenv("ANYNET_DATA", str(tmp_path))
    names = run(name, _runnable(name))
    assert names["trainer"].evaluation.images == 128


def _write(path, array):
    """An array of bytes as a file of Fashion-MNIST's."""
    header = bytes((0, 0, 8, array.ndim)) + np.array(array.shape, ">i4").tobytes()
    path.write_bytes(header + array.tobytes())


def test_keras_3_refuses_one_expression_of_the_chapters(backend, name):
    if name != "tf":
        pytest.skip("TensorFlow's tab alone has it")
    *_, summary, _ = code = cells(name)
    names = run(name, code[:-2])
    with pytest.raises(TypeError, match="^'Sequential' object is not iterable$") as refused:
        run(name, [summary], names)
    assert "keras" in str(refused.traceback[-1].path)
