"""Memory of long training: many networks in one process, and more data than memory."""

import gc
import json
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.memory import resident
from common.data.sources.shards import Index, ShardInfo, write_index, write_shard
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


_SHARDS, _IMAGES = 80, 512
"""Ten gigabytes of photos with a short side of 256 pixels, in links to one file."""

_MOST, _MORE = 10**9, 100 << 20
"""Bytes of anonymous memory in all, and above those of the first tenth of an epoch."""


def _many_shards(root):
    """Shards of two classes, which all have the same content on the disk."""
    root.mkdir()
    stream = np.random.default_rng(0)
    images = list(stream.integers(0, 256, (_IMAGES, 256, 341, 3), np.uint8))
    labels = [number % 2 for number in range(_IMAGES)]
    size = write_shard(root / "00000.safetensors", zip(images, labels, strict=True))
    names = tuple(map(str, range(_IMAGES)))
    shards = [ShardInfo(f"{number:05}.safetensors", size, names) for number in range(_SHARDS)]
    for shard in shards[1:]:
        os.link(root / shards[0].file, root / shard.file)
    parts = {"train": tuple(shards), "val": (shards[0],)}
    write_index(root, Index(("cat", "dog"), 3, 256, "made up", {}, parts))
    return _SHARDS * size


@pytest.mark.full
def test_memory_does_not_grow_with_the_data(name, tmp_path):
    assert _many_shards(tmp_path / "shards") > 10 * _MOST
    # In a process of its own, without the memory that earlier tests have left.
    command = [sys.executable, "-W", "ignore", "-m", "tests.backends.feeding", name]
    done = subprocess.run(
        [*command, str(tmp_path / "shards")], capture_output=True, text=True, check=True
    )
    seen = json.loads(done.stdout.splitlines()[-1])
    assert len(seen) == _SHARDS * _IMAGES // 128
    print(f"anonymous memory: {seen[0]:,}, then at most {max(seen):,} bytes")
    assert max(seen) < _MOST
    assert max(seen) - max(seen[: len(seen) // 10]) < _MORE
