"""The trials of a study, of which most are not read again, and which are added together."""

import time
from dataclasses import replace

import pytest
from optuna.storages import RDBStorage
from optuna.trial import TrialState

from common.errors import StudyError
from common.studies import Study, database
from common.studies.catalog import delete_study
from common.studies.database import Trials
from common.studies.storage import open_storage
from tests.common.studies.conftest import CONFIG, storage_url


def _all(url):
    """What Optuna reads in a storage that it opens anew."""
    storage = open_storage(url)
    return storage.get_all_trials(storage.get_study_id_from_name("first"))


def _steps(other):
    """What others do with a study: after each step, its trials are compared."""
    claim = other.claim("a")
    yield "taken"
    other.report(claim, 1, 0.5)
    yield "reported"
    other.beat(claim)
    yield "heartbeat"
    other.release(claim)
    yield "given back"
    claim = other.claim("a")
    other.report(claim, 1, 0.25)
    other.finish(claim, 0.125, [{"kind": "epoch"}], 1.0)
    yield "finished"
    other.fail(other.claim("a"), "broken")
    yield "failed"
    other.retry()
    yield "queued again"
    other.claim("gone")
    time.sleep(0.01)
    other.claim("b", grace=0.0)
    yield "lost"
    other.extend(1)
    yield "extended"


def test_what_is_read_is_what_optuna_reads_whatever_others_do(study, url):
    assert study._all_trials.read() == _all(url)
    for step in _steps(Study.open("first", url)):
        assert study._all_trials.read() == _all(url), step


def test_a_claim_is_of_the_network_that_is_stored_now(study, url):
    study.counts()
    delete_study("first", url)
    again = Study.create("first", url, replace(CONFIG, seed=6))
    networks = [result.network for result in again.results()]
    if study._all_trials._database is None:
        with pytest.raises(StudyError):  # a journal numbers studies anew
            study.claim("me")
    else:
        assert study.claim("me").network in networks


@pytest.mark.parametrize("pruner", ["none", "halving"])
def test_waiting_networks_are_read_once(tmp_path, monkeypatch, pruner):
    config = replace(CONFIG, networks=8, pruner=pruner)
    study = Study.create("large", str(tmp_path / "studies.db"), config)
    read, found = [], RDBStorage._get_trials

    def counted(*arguments):
        trials = found(*arguments)
        read.append(len(trials))
        return trials

    monkeypatch.setattr(RDBStorage, "_get_trials", counted)
    study = Study.open("large", study.url)
    for _ in range(4):
        claim = study.claim("me")
        study.report(claim, 1, 0.5)
        study.finish(claim, 0.5, [], 1.0)
        study.counts()
    assert read[0] == 16
    assert sum(read[1:]) <= 3 * 4  # each when it runs, and when it has ended


def test_a_pruner_is_given_trials_of_its_own(study):
    own = study._study.get_trials()
    assert own == study._all_trials.read()
    own[0].user_attrs.clear()
    assert own != study._all_trials.read()
    assert study._study.get_trials(states=(TrialState.RUNNING,)) == []


@pytest.mark.parametrize("kind", ["sqlite", "journal"])
def test_trials_that_are_added_together_are_those_that_optuna_adds(tmp_path, kind, monkeypatch):
    url = storage_url(kind, tmp_path)
    Study.create("first", url, CONFIG)
    monkeypatch.setattr(Trials, "add", _one_by_one)
    Study.create("second", url, CONFIG)
    found = [_comparable(Study.open(name, url)) for name in ("first", "second")]
    assert found[0] == found[1]
    assert len(found[0]) == 6


def _one_by_one(trials, added):
    for trial in added:
        trials._storage.create_new_trial(trials._id, trial)


def _comparable(study):
    keys = ("number", "state", "params", "distributions", "user_attrs", "system_attrs", "values")
    rest = ("intermediate_values", "datetime_start", "datetime_complete")
    return [[getattr(trial, key) for key in (*keys, *rest)] for trial in study._all_trials.read()]


def test_of_trials_that_cannot_be_added_none_is(study, tmp_path, monkeypatch):
    if study.url.startswith("journal"):
        pytest.skip("a journal has one line for each trial")

    def fail(trial_id, trial):
        raise OSError("no space left")

    before = study._all_trials.read()
    with monkeypatch.context() as patched:
        patched.setattr(database, "_attributes", fail)
        patched.setattr("common.studies.study.PATIENCE", 0)
        with pytest.raises(StudyError, match="no space left"):
            study.extend(2)
    assert study._all_trials.read() == before
    assert study.extend(2) == 5
    assert len(study._all_trials.read()) == 10
