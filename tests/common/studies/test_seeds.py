"""Studies that train each network with several seeds, with a framework of a few lines."""

import json
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import pytest

from common.bounds import MAX_SEED
from common.errors import ConfigError
from common.reports.analysis import analyse, numbers
from common.statistics import find
from common.studies import Study, StudyConfig, work
from common.studies.seeds import merged
from common.studies.table import rows
from tests.common.studies.conftest import CONFIG
from tests.common.training.fakes import Data, Learner

TWICE = replace(CONFIG, seeds=2, training=replace(CONFIG.training, seed=7))


@pytest.fixture
def seeds(monkeypatch):
    """The seeds that networks were created with, by spec; every network has its own accuracy."""
    found = {}

    def create(spec, seed):
        found.setdefault(spec, []).append(seed)
        return spec

    fake = SimpleNamespace(create=create, clear_caches=lambda: None, Learner=lambda *_: Learner(()))
    monkeypatch.setattr("common.studies.worker.load_backend", lambda name: fake)
    monkeypatch.setattr("common.studies.worker.open_data", lambda *_: Data())
    return found


@pytest.fixture
def study(tmp_path):
    return Study.create("twice", f"journal:{tmp_path / 'studies.log'}", TWICE)


def test_a_config_with_one_seed_is_stored_as_before():
    assert "seeds" not in CONFIG.to_dict()
    assert TWICE.to_dict()["seeds"] == 2
    assert StudyConfig.from_dict(TWICE.to_dict()) == TWICE


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seeds": 0}, "seeds: must be at least 1; got 0"),
        ({"pruner": "halving"}, "seeds: must be 1 with the pruner halving; got 2"),
        ({"training": replace(CONFIG.training, seed=MAX_SEED)}, "seeds: must end at"),
    ],
    ids=["none", "halving", "beyond"],
)
def test_seeds_that_cannot_be_are_one_error(change, message):
    with pytest.raises(ConfigError) as error:
        replace(TWICE, **change)
    assert message in str(error.value)


def test_every_network_is_trained_with_each_seed(study, seeds):
    assert work(study, tell=lambda _: None) == 12
    assert len(seeds) == 6
    assert all(sorted(own) == [7, 8] for own in seeds.values())
    assert study.counts() == {"AnyNetXA-small": {"complete": 6}, "AnyNetXE-small": {"complete": 6}}


def test_all_networks_are_trained_once_before_any_is_again(study, seeds):
    work(study, tell=lambda _: None, max_networks=6)
    assert list(seeds.values()) == [[7]] * 6
    assert [(r.state, r.error) for r in study.results()] == [("waiting", None)] * 6


def test_the_error_of_a_network_is_the_mean_of_its_trainings(study, monkeypatch):
    for error in (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.2, 0.4, 0.4, 0.6, 0.6, 0.8):
        claim = study.claim("me")
        study.report(claim, 1, error + 0.1)
        study.report(claim, 2, error)
        study.finish(claim, error, [{"kind": "epoch", "epoch": 2}], 2.0)
    first = study.results()[0]
    assert first.error == pytest.approx(0.15)
    assert first.errors == pytest.approx((0.25, 0.15))
    assert (first.state, first.seconds, first.attempts) == ("complete", 4.0, 2)
    assert [row["repeat"] for row in first.record] == [0, 1]
    assert [one.network.name for one in first.trainings] == [
        "AnyNetXA-small/0",
        "AnyNetXA-small/0@1",
    ]
    row = rows(study.results())[0]
    assert (row["error_repeat_0"], row["error_repeat_1"]) == (0.1, 0.2)
    monkeypatch.setattr("common.reports.analysis.find", partial(find, shuffles=1))
    analysis = analyse(TWICE, study.results(), [])
    spread = analysis.spreads["AnyNetXA-small"]
    assert (spread.networks, spread.seeds) == (3, 2)
    assert json.loads(numbers(analysis))["seeds"]["AnyNetXA-small"]["within"] == spread.within


def test_a_network_counts_as_failed_with_one_of_its_trainings(study):
    claims = [study.claim("me") for _ in range(12)]
    for claim in claims:
        if claim.network.name == "AnyNetXA-small/0@1":
            study.fail(claim, "no memory")
        else:
            study.finish(claim, 0.5, [], 1.0)
    results = study.results()
    assert [r.state for r in results] == ["failed", *["complete"] * 5]
    assert (results[0].error, results[0].message) == (None, "no memory")
    assert study.retry() == 1
    assert study.claim("me").network.name == "AnyNetXA-small/0@1"


def test_more_networks_are_trained_with_each_seed_too(study):
    study.extend(1)
    assert study.counts()["AnyNetXA-small"] == {"waiting": 8}
    assert len(study.results()) == 8


def test_a_single_training_is_the_result_of_its_network(study):
    (one, *_) = study.trainings()
    assert merged([one]) == [one]
