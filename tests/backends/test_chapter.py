"""The chapter's own cells run when `d2l` is this project."""

import re

import numpy as np
import pytest

from common.data import FashionMNIST
from tests.backends.cells import FOLDER, REFUSED, cells, run, runnable
from tests.backends.native import to_layout


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
    names = run(name, runnable(name))
    assert few_images == [(128, (96, 96))]
    kinds = [row["kind"] for row in names["trainer"].history]
    assert (kinds.count("epoch"), kinds[-1]) == (10, "end")
    lines = [line for line in capsys.readouterr().out.splitlines() if "output shape" in line]
    shapes = [line.split("(")[1].rstrip(")").replace(" ", "") for line in lines]
    expected = [(1, 32, 48, 48), (1, 32, 24, 24), (1, 80, 12, 12), (1, 10)]
    if len(shapes) == 5:  # the MXNet tab's head prints its pooling apart
        expected.insert(3, (1, 80, 1, 1))
    assert shapes == [",".join(map(str, to_layout(backend, shape))) for shape in expected]


@pytest.mark.full
@pytest.mark.timeout(3600)  # ten epochs at 224 pixels in one thread
def test_the_chapter_trains_on_images_of_its_size(backend, name, tmp_path, monkeypatch):
    sample = FashionMNIST(source="sample")
    for part, known in (("train", sample.train), ("t10k", sample.val)):
        _write(tmp_path / f"{part}-images-idx3-ubyte", known.images[:128, 0])
        _write(tmp_path / f"{part}-labels-idx1-ubyte", known.labels[:128].astype(np.uint8))
    monkeypatch.setenv("ANYNET_DATA", str(tmp_path))
    names = run(name, runnable(name))
    assert names["trainer"].evaluation.images == 128


def _write(path, array):
    """An array of bytes as a file of Fashion-MNIST's."""
    header = bytes((0, 0, 8, array.ndim)) + np.array(array.shape, ">i4").tobytes()
    path.write_bytes(header + array.tobytes())


def test_an_expression_that_is_written_otherwise_here_is_refused_as_printed(backend, name):
    if name not in REFUSED:
        pytest.skip("this tab runs as it is printed")
    *_, summary, _ = code = cells(name)
    names = run(name, code[:-2])
    with pytest.raises(TypeError, match="^'Sequential' object is not iterable$") as refused:
        run(name, [summary], names)
    assert "keras" in str(refused.traceback[-1].path)
