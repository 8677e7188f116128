"""RegNetX32's training step at 96x96, batch 128: images per second, and what resizing costs.

Run it in the environment of its backend: `python benchmarks/training_step.py torch`.
"""

import statistics
import sys
import time

import numpy as np

from common import REGNETX32
from common.backends import load_backend

BATCH, STEPS, REPEATS = 128, 2, 9


def main(backend: str) -> None:
    """Print the median rate from 28 pixel images and the ratio to images of 96 pixels."""
    module = load_backend(backend)
    stream = np.random.default_rng(0)
    labels = stream.integers(0, 10, BATCH, np.int32)
    learner = module.Learner(module.create(REGNETX32), (1, 96, 96))
    times: dict[int, list[float]] = {28: [], 96: []}
    images = {side: stream.integers(0, 256, (BATCH, 1, side, side), np.uint8) for side in times}
    for _ in range(REPEATS):
        for side, values in times.items():
            began = time.perf_counter()
            for _ in range(STEPS):
                learner.train_step(images[side], labels, 0.01)
            learner.state()  # waits for all that was begun; a loss is there before its update
            values.append((time.perf_counter() - began) / STEPS)
    # The first steps compile.
    resized, plain = (statistics.median(values[1:]) for values in times.values())
    ratios = [a / b for a, b in zip(times[28][1:], times[96][1:], strict=True)]
    print(
        f"{backend}: {BATCH / resized:.0f} images/s; a step that resizes takes "
        f"{statistics.median(ratios):.3f} times one that does not ({plain:.3f} s)"
    )


if __name__ == "__main__":
    main(sys.argv[1])
