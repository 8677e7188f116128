"""Trains a small network while killing it: `python -m tests.backends.killing BACKEND KILLS FOLDER`.

Every attempt is a fork of this process, which has imported everything but never used it, so that
attempts are quick. Prints one JSON object: how often a run was killed at random moments and
inside writes, and the digests of the weights that whole and killed runs end in.
"""

import hashlib
import importlib
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

from common import AnyNetSpec
from common.backends import load_backend
from common.data import Preprocessing
from common.training import Recipe
from tests.backends.native import open_native

_SPEC = AnyNetSpec.from_arch(((1, 8, 4, 1), (1, 16, 4, 1)), 8)
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


def _train(backend, folder):
    """Train in `folder` to the end, resuming the run that is there."""
    model = backend.AnyNet.from_spec(_SPEC, lr=0.05)
    trainer = backend.Trainer(
        _EPOCHS, 0, Recipe(0.9, True, 5e-4), out=folder, log_every=1, checkpoint_every=0,
        progress=False,
    )  # fmt: skip
    trainer.fit(model, Data(), resume=(folder / "config.json").exists())


def _die_in_a_write(number):
    """End this process in its n-th write, after the data is written and before it is renamed."""
    sync, calls = os.fsync, iter(range(number))

    def fsync(descriptor):
        if next(calls, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)
        sync(descriptor)

    os.fsync = fsync


def _attempt(backend, folder, draw, kind):
    """Whether a fork finished before it was killed in the way of `kind`."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            if kind == "write":
                _die_in_a_write(draw.randrange(12))
            batches = Data.train_batches

            def told(self, *arguments):  # the first batch: compiling is over soon
                os.write(writing, b"!")
                return batches(self, *arguments)

            Data.train_batches = told
            _train(backend, folder)
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


def main(name, kills, folder):
    """Kill and resume runs until there have been enough kills; each run is trained to its end."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        backend = load_backend(name)
        for module in open_native(name).STEP_IMPORTS:  # else every attempt imports it
            importlib.import_module(module)
    draw, counts, digests = random.Random(0), {"moment": 0, "write": 0}, []
    _attempt(backend, folder / "whole", draw, "none")
    run = 0
    while sum(counts.values()) < kills:
        run += 1
        ended = False
        while not ended:
            left = kills - sum(counts.values())
            kind = ("moment", "write")[sum(counts.values()) % 2] if left else "none"
            ended = _attempt(backend, folder / f"run{run}", random.Random(draw.random()), kind)
            if not ended:
                counts[kind] += 1
        digests.append(_digest(folder / f"run{run}"))
    print(json.dumps({"whole": _digest(folder / "whole"), "killed": digests, **counts}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
