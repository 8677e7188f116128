"""Workers that are killed at random moments, in processes that need no framework."""

from dataclasses import replace

import pytest

from common.studies import Objective, Study, work
from common.studies.fit import OWN_DATA
from tests.common.studies.conftest import CONFIG, storage_url
from tests.workers import attempts, errors, run_with_killed_workers

_SOURCE = """
import time


def slow(spec, seed, config, report):
    error = (seed % 997 + sum(stage.channels for stage in spec.stages)) % 1000 / 1000
    for epoch in (1, 2):
        time.sleep(0.2)
        report(epoch, error / epoch)
    return error / 2
"""


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("journal", marks=pytest.mark.full)])
def test_killed_workers_lose_nothing_and_count_nothing_twice(kind, tmp_path):
    own = tmp_path / "own.py"
    own.write_text(_SOURCE)
    objective = Objective.load(f"{own}:slow")
    training = replace(CONFIG.training, data=OWN_DATA)
    config = replace(CONFIG, networks=5, training=training, objective=objective.name)
    undisturbed, url = (storage_url(kind, tmp_path / name) for name in ("alone", "killed"))
    for each in (undisturbed, url):
        Study.create("first", each, config)
    work(Study.open("first", undisturbed), objective=objective, tell=lambda _: None)
    more = ("--objective", objective.argument)
    killed = run_with_killed_workers(url, *more, folder=tmp_path, workers=2, kills=3)
    assert killed == 3
    assert errors(url) == errors(undisturbed)
    assert 10 <= attempts(url) <= 10 + killed
