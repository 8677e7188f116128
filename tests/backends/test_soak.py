"""Many networks in one process, as a worker of a study trains them."""

import gc
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.memory import resident
from common.spaces import Limits, find_space

_NETWORKS, _SETTLED = 30, 10
_MAX_GROWTH = 100 << 20
"""Bytes that the last 20 networks may add; each needs some 20 MB while it trains."""


@pytest.mark.full
def test_many_networks_in_one_process_do_not_fill_its_memory(backend):
    stream = np.random.default_rng(0)
    images = stream.integers(0, 256, (32, 1, 28, 28), np.uint8)
    labels = stream.integers(0, 10, 32, dtype=np.int32)
    after = []
    space = replace(find_space("AnyNetXE-small"), limits=Limits((1e6, 4e6), image_size=28))
    for spec in space.sample(_NETWORKS, 0):
        learner = backend.Learner(backend.create(spec), (1, 28, 28))
        for _ in range(2):
            loss, _ = learner.train_step(images, labels, 0.01)
            assert np.isfinite(float(loss))
        learner.eval_step(images)
        del learner
        gc.collect()
        backend.clear_caches()
        after.append(resident("VmRSS"))
    assert after[-1] - after[_SETTLED] < _MAX_GROWTH
