"""Trains a small network while killing it.

`python -m tests.backends.killing BACKEND SOURCE KILLS FOLDER`; SOURCE is `arrays` in memory, a
`folder` of photos or `shards` of them, both with augmentation.

Every attempt is a fork of this process, which has imported everything but never used it, so that
attempts are quick. Prints one JSON object: how often a run was killed at random moments and
inside writes, and the digests of the weights that whole and killed runs end in.
"""

import hashlib
import json
import os
import random
import signal
import sys
import time
import warnings
from pathlib import Path

import matplotlib.figure  # noqa: F401
import numpy as np
import safetensors.numpy  # noqa: F401
from PIL import Image

from common import AnyNetSpec
from common.backends import import_for_steps, load_backend
from common.data import Augmentation, DataOptions, Preprocessing, SourceData, open_data
from common.data.shard_writer import prepare_shards
from common.data.sources import find_images
from common.training import Recipe

_ARCH = ((1, 8, 4, 1), (1, 16, 4, 1))
_GREY, _COLOUR = AnyNetSpec.from_arch(_ARCH, 8), AnyNetSpec.from_arch(_ARCH, 8, 2, 3)
_VARIED = Augmentation("random_resized", flip=True, lighting=0.1, mixup=0.2)
_STREAM = np.random.default_rng(0)
_STEPS, _EPOCHS, _BATCH = 6, 3, 8


class Data:
    """A few small batches of random images."""

    preprocessing = Preprocessing(1, (16, 16))
    batch_size = _BATCH
    steps_per_epoch = _STEPS
    classes = tuple("abcdefghij")
    requested = "made up"
    images = _STREAM.integers(0, 256, (_STEPS * _BATCH, 1, 16, 16), np.uint8)
    train = val = _STREAM.integers(0, 10, _STEPS * _BATCH, np.int32)

    def train_batches(self, seed, epoch, start=0):
        order = np.random.default_rng([seed, epoch]).permutation(len(self.train))
        for step in range(start, _STEPS):
            chosen = order[_BATCH * step : _BATCH * (step + 1)]
            yield self.images[chosen], self.train[chosen]

    def val_batches(self):
        yield self.images[:_BATCH], self.val[:_BATCH]

    def describe(self):
        return "made up"


def _make_photos(root):
    """Photos of two classes; an epoch has as many steps as one of `Data`."""
    for name in ("cat", "dog"):
        (root / name).mkdir(parents=True)
        for number in range(_STEPS * _BATCH * 5 // 8 + 1):
            pixels = _STREAM.integers(0, 256, (20 + number, 30, 3), np.uint8)
            Image.fromarray(pixels).save(root / name / f"{number}.jpg")


def _data(source, root):
    """The images of a source, whose files are in `root`."""
    if source == "arrays":
        return Data()
    options = DataOptions(augmentation=_VARIED)
    return open_data(str(root / source), _BATCH, (16, 16), options, workers=2)


def _train(backend, source, folder):
    """Train in `folder` to the end, resuming the run that is there."""
    model = backend.AnyNet.from_spec(_GREY if source == "arrays" else _COLOUR, lr=0.05)
    trainer = backend.Trainer(
        _EPOCHS, 0, Recipe(0.9, True, 5e-4), out=folder, log_every=1, checkpoint_every=0,
        progress=False,
    )  # fmt: skip
    data = _data(source, folder.parent)
    trainer.fit(model, data, resume=(folder / "config.json").exists())


def _die_in_a_write(number):
    """End this process in its n-th write, after the data is written and before it is renamed."""
    sync, calls = os.fsync, iter(range(number))

    def fsync(descriptor):
        if next(calls, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)
        sync(descriptor)

    os.fsync = fsync


def _attempt(backend, source, folder, draw, kind):
    """Whether a fork finished before it was killed in the way of `kind`."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            if kind == "write":
                _die_in_a_write(draw.randrange(12))
            owner = Data if source == "arrays" else SourceData
            batches = owner.train_batches

            def told(self, *arguments):  # the first batch: compiling is over soon
                os.write(writing, b"!")
                return batches(self, *arguments)

            owner.train_batches = told
            _train(backend, source, folder)
            code = 0
        finally:
            os._exit(code)
    os.close(writing)
    if kind == "moment":
        os.read(reading, 1)
        time.sleep(draw.uniform(0, _LONGEST))
        os.kill(child, signal.SIGKILL)
    os.close(reading)
    _, status = os.waitpid(child, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        raise RuntimeError(f"{folder}: a {kind} attempt failed")
    return os.WIFEXITED(status)


_LONGEST = 0.6
"""Seconds from the first batch to the latest kill."""


def _digest(folder):
    return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()


def main(name, source, kills, folder):
    """Kill and resume runs until there have been enough kills; each run is trained to its end."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        backend = load_backend(name)
        import_for_steps(name)  # else every attempt does
    if source != "arrays":
        _make_photos(folder / "folder")
    if source == "shards":
        prepare_shards(find_images(folder / "folder"), folder / "shards", 20)
    draw, counts, digests = random.Random(0), {"moment": 0, "write": 0}, []
    _attempt(backend, source, folder / "whole", draw, "none")
    run = 0
    while sum(counts.values()) < kills:
        run += 1
        ended = False
        while not ended:
            left = kills - sum(counts.values())
            kind = ("moment", "write")[sum(counts.values()) % 2] if left else "none"
            seed = random.Random(draw.random())
            ended = _attempt(backend, source, folder / f"run{run}", seed, kind)
            if not ended:
                counts[kind] += 1
        digests.append(_digest(folder / f"run{run}"))
    print(json.dumps({"whole": _digest(folder / "whole"), "killed": digests, **counts}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), Path(sys.argv[4]))
