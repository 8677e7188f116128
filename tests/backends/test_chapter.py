"""The chapter's own cells run when `d2l` is this project."""

import contextlib
from pathlib import Path

import numpy as np
import pytest

_CELLS = Path(__file__).parent / "chapter"


@pytest.fixture
def chapter(backend, name):
    """The names that the chapter's cells define."""
    code = (_CELLS / f"{name}.txt").read_text()
    names = {"d2l": backend, "__name__": "chapter"}
    exec(compile(code, f"{name}.txt", "exec"), names)
    return names


def test_the_layer_summary_shows_the_chapters_shapes(chapter, name, capsys):
    arguments = {"training": False} if name == "jax" else {}
    shape = (1, 1, 96, 96) if name in ("torch", "mx") else (1, 96, 96, 1)
    chapter["RegNetX32"](**arguments).layer_summary(shape)
    lines = capsys.readouterr().out.splitlines()
    shapes = [line.split("(")[1].rstrip(")").replace(" ", "") for line in lines]
    nchw = name in ("torch", "mx")
    assert shapes == [
        "1,32,48,48" if nchw else "1,48,48,32",
        "1,32,24,24" if nchw else "1,24,24,32",
        "1,80,12,12" if nchw else "1,12,12,80",
        *(["1,80,1,1"] if name == "mx" else []),  # its tab adds pooling and the linear layer apart
        "1,10",
    ]


class _OneBatch:
    image_shape = (1, 16, 16)
    resize = (16, 16)
    batch_size = 4
    steps_per_epoch = 1
    classes = tuple("abcdefghij")
    requested = source = "made up"
    train = val = np.zeros(4, np.int32)

    def train_batches(self, seed, epoch, start=0):
        return self.val_batches()

    def val_batches(self):
        yield np.zeros((4, 1, 16, 16), np.uint8), np.arange(4, dtype=np.int32)


def test_the_training_cell_trains(chapter, backend, name):
    device = backend.try_gpu() if name == "tf" else contextlib.nullcontext()
    with device:
        model = chapter["RegNetX32"](lr=0.05)
        trainer = backend.Trainer(max_epochs=1, num_gpus=1, progress=False)
        rows = trainer.fit(model, _OneBatch())
    assert [row["kind"] for row in rows] == ["start", "interval", "epoch", "end"]
