"""Trains a small network on two devices and on one: `python -m tests.backends.several NAME FOLDER`.

Prints one JSON object. It is a script as users write them: without `if __name__ == "__main__"`,
which processes of further devices must not run again.
"""

import json
import sys
from pathlib import Path

import numpy as np

from common import AnyNetSpec
from common.backends import start_backend
from common.training import Recipe, read_record
from common.weights import load_weights
from tests.batches import Batches

_SPEC = AnyNetSpec.from_arch(((1, 8, 4, 1),), 8, se_ratio=0.25)
_RECIPE = Recipe(0.9, True, 5e-4, label_smoothing=0.1, clip_norm=1.0, ema_decay=0.5)
_STREAM = np.random.default_rng(0)


class _Mixed(Batches):
    """Batches whose images are mixed."""

    def train_batches(self, seed, epoch, start=0):
        for images, labels in super().train_batches(seed, epoch, start):
            yield images, labels, np.linspace(0.1, 0.9, len(labels))


_DATA = _Mixed(
    _STREAM.integers(0, 256, (24, 1, 12, 12), np.uint8), _STREAM.integers(0, 10, 24, np.int32), 12
)


def fit(backend, folder, devices, resume=False, **settings):
    """Train for two epochs of three steps; the weights at the end."""
    trainer = backend.Trainer(
        2, 0, _RECIPE, precision="float64", out=folder, log_every=1, checkpoint_every=0,
        progress=False, precise_bn=16, freeze=("stem",), devices=devices, **settings,
    )  # fmt: skip
    model = backend.AnyNet.from_spec(_SPEC, lr=0.05)
    trainer.fit(model, _DATA, resume)
    return backend.get_weights(trainer.network)


def _largest_difference(one, other):
    return max(float(np.abs(one[name] - other[name]).max()) for name in one)


def _rows(folder):
    """The record without what a clock said."""
    clocked = {"images_per_second", "seconds"}
    return [
        {key: value for key, value in row.items() if key not in clocked}
        for row in read_record(folder / "record.jsonl")
    ]


def main(name, folder):
    """Train on two devices first, for JAX divides the CPU into them when it starts."""
    backend = start_backend(name)
    two = fit(backend, folder / "two", 2)
    one = fit(backend, folder / "one", 1)
    fit(backend, folder / "moved", 2, stop_after=1)
    moved = fit(backend, folder / "moved", 1, resume=True)
    files = [load_weights(folder / run / "model.safetensors")[1] for run in ("one", "two")]
    print(json.dumps({
        "one": _rows(folder / "one"),
        "two": _rows(folder / "two"),
        "weights": _largest_difference(one, two),
        "files": _largest_difference(*files),
        "moved": _largest_difference(one, moved),
    }))  # fmt: skip


if sys.argv[0].endswith("several.py"):
    main(sys.argv[1], Path(sys.argv[2]))
