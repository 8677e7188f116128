"""Trains an epoch on shards: `python -m tests.backends.feeding BACKEND SHARDS`.

Prints the bytes of anonymous memory after every step, as a JSON list.
"""

import json
import sys

from benchmarks.memory import resident
from common import AnyNetSpec
from common.backends import load_backend
from common.data import DataOptions, open_data
from common.data.augment import AUGMENTATIONS
from common.training import Callback


class _Watch(Callback):
    """The anonymous memory after every step."""

    def __init__(self) -> None:
        self.seen: list[int] = []

    def on_step(self, step: int) -> None:
        self.seen.append(resident("RssAnon"))


def main(name: str, shards: str) -> None:
    """Train a small network with random crops, flips and lighting."""
    backend, watch = load_backend(name), _Watch()
    data = open_data(shards, 128, (32, 32), DataOptions(augmentation=AUGMENTATIONS["imagenet"]))
    spec = AnyNetSpec.from_arch(((1, 16, 8, 1, 2),), 8, 2, 3)
    trainer = backend.Trainer(1, 0, progress=False, callbacks=[watch])
    trainer.fit(backend.AnyNet.from_spec(spec, lr=0.01), data)
    print(json.dumps(watch.seen))


if __name__ == "__main__":
    main(*sys.argv[1:])
