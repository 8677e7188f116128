"""Networks that threads of one process train at a time."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from common.data import ArrayData
from common.spaces import ANYNETX_E, small
from common.studies import StudyConfig
from common.studies.networks import draw_all
from common.studies.trials import Claim
from common.studies.worker import train_network
from common.training import TrainConfig

_STREAM = np.random.default_rng(0)
_DATA = ArrayData(_STREAM.integers(0, 256, (60, 1, 12, 12), np.uint8), np.arange(60) % 10, 12)


@pytest.fixture
def claims(name):
    """Small networks to train."""
    space = small(ANYNETX_E)
    space = replace(space, stages=1, depths=replace(space.depths, values=(1, 2)),
                    widths=replace(space.widths, values=(8, 16)),
                    group_widths=replace(space.group_widths, values=(4, 8)))  # fmt: skip
    training = TrainConfig(name, spec=None, epochs=2, batch_size=12, resize=(12, 12), device="cpu")
    config = StudyConfig((space,), 4, training=training)
    return training, [Claim(i, i, network) for i, network in enumerate(draw_all(config))]


@pytest.mark.bare("torch")
def test_threads_of_a_worker_find_the_errors_of_one(backend, claims):
    if not backend.SUPPORTS_TRAINING_IN_THREADS:
        pytest.skip("one thread trains")
    training, networks = claims

    def losses(claim):
        with backend.own_stream():
            outcome = train_network(backend, claim, _DATA, training, lambda *_: False)
        return outcome.error, [row["loss"] for row in outcome.rows if row["kind"] == "interval"]

    one = list(map(losses, networks))
    assert len(one[0][1]) > 0
    for threads in (2, 3):
        with ThreadPoolExecutor(threads) as pool:
            assert list(pool.map(losses, networks)) == one
