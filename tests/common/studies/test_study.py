"""Who gets which network, whatever happens to the workers."""

import shutil
import sqlite3
import time
from contextlib import closing
from dataclasses import replace
from multiprocessing import get_context

import optuna
import pytest

from common.errors import ConfigError, StudyError
from common.studies import Study, StudyConfig
from common.studies.address import absolute
from common.studies.networks import draw
from common.studies.storage import open_storage
from common.studies.trials import ATTEMPTS
from tests.common.studies.conftest import CONFIG

ALL = {f"AnyNetX{letter}-small/{index}" for letter in "AE" for index in range(3)}


def _claims(study):
    return list(iter(lambda: study.claim("someone"), None))


def _states(study):
    return {result.network.name: result.state for result in study.results()}


def test_a_new_study_has_every_network_waiting(study):
    assert _states(study) == dict.fromkeys(ALL, "waiting")


def test_every_network_is_taken_once(study):
    assert sorted(claim.network.name for claim in _claims(study)) == sorted(ALL)


def test_the_spaces_take_turns(study):
    assert [claim.network.index for claim in _claims(study)] == [0, 0, 1, 1, 2, 2]


def test_a_study_is_the_same_when_opened_again(study, url):
    again = Study.open("first", url)
    assert again.config == CONFIG
    assert again.results() == study.results()


def test_networks_do_not_depend_on_the_other_spaces(study):
    alone = [network.spec for network in draw(CONFIG.spaces[1], 0, 3, CONFIG.seed)]
    assert [r.network.spec for r in study.results() if "E" in r.network.space] == alone


def test_a_result_is_kept(study):
    claim = study.claim("me")
    study.report(claim, 1, 0.5)
    assert study.finish(claim, 0.25, [{"kind": "epoch", "epoch": 1}], 1.5)
    (result,) = (r for r in study.results() if r.network == claim.network)
    assert (result.state, result.error, result.errors) == ("complete", 0.25, (0.5,))
    assert result.record == ({"kind": "epoch", "epoch": 1},)
    assert (result.seconds, result.worker) == (1.5, "me")


def test_a_network_that_is_given_back_waits_again(study):
    claim = study.claim("me")
    study.release(claim)
    assert _states(study)[claim.network.name] == "waiting"
    assert study.claim("you").network == claim.network


def test_a_network_that_failed_is_not_taken_again(study):
    claim = study.claim("me")
    study.fail(claim, "no memory")
    assert claim.network not in [other.network for other in _claims(study)]
    (result,) = (r for r in study.results() if r.network == claim.network)
    assert (result.state, result.message) == ("failed", "no memory")


def test_a_network_that_failed_waits_again_when_told(study):
    claim = study.claim("me")
    study.fail(claim, "no memory")
    assert study.retry() == 1
    assert claim.network in [other.network for other in _claims(study)]


def test_a_network_that_counts_as_running_waits_again_when_told(study):
    claim = study.claim("me")
    assert study.retry() == 0
    assert study.retry(running=True) == 1
    assert _states(study)[claim.network.name] == "waiting"


def test_a_network_whose_worker_is_gone_is_taken_once_more(study):
    lost = study.claim("gone")
    taken = [study.claim("me", grace=0.0) for _ in range(1)]
    time.sleep(0.01)
    taken += iter(lambda: study.claim("me", grace=30.0), None)
    assert [claim.network for claim in taken].count(lost.network) == 1
    assert len({claim.network.name for claim in taken}) == len(taken) == len(ALL)


def test_the_result_of_a_worker_that_was_given_up_is_dropped(study):
    slow = study.claim("slow")
    time.sleep(0.01)
    claims = [study.claim("fast", grace=0.005)]
    claims += _claims(study)
    (again,) = (claim for claim in claims if claim.network == slow.network)
    assert study.finish(again, 0.25, [], 1.0)
    assert not study.finish(slow, 0.5, [], 9.0)
    (result,) = (r for r in study.results() if r.network == slow.network)
    assert (result.state, result.error, result.attempts) == ("complete", 0.25, 2)


def test_a_network_over_which_workers_vanish_again_and_again_has_failed(study):
    first = study.claim("gone")
    for _ in range(ATTEMPTS):
        time.sleep(0.01)
        while (claim := study.claim("gone", grace=30.0 if _ else 0.005)) is not None:
            if claim.network != first.network:
                study.finish(claim, 0.5, [], 1.0)
        time.sleep(0.01)
        study._queue_lost(study._trials(), 0.005)
    (result,) = (r for r in study.results() if r.network == first.network)
    assert result.state == "failed"
    assert f"{ATTEMPTS} workers were lost" in result.message


def test_a_network_that_is_queued_twice_is_trained_once(study):
    lost = study.claim("gone")
    time.sleep(0.01)
    study._queue_lost(trials := study._trials(), 0.005)
    study._study.add_trials(study._trials()[-1:])  # a second worker's
    assert len(trials) + 2 == len(study._trials())
    networks = [claim.network.name for claim in _claims(study)]
    assert networks.count(lost.network.name) == 1


def test_an_extended_study_keeps_its_networks(study):
    before = study.results()
    assert study.extend(2) == 5
    after = study.results()
    assert len(after) == 10
    assert [result for result in after if result.network.index < 3] == before


def test_an_extended_study_has_new_networks(study):
    study.extend(3)
    specs = [r.network.spec for r in study.results() if r.network.space == "AnyNetXA-small"]
    assert len(set(specs)) == 6


@pytest.mark.parametrize(("better", "stopped"), [(True, 0), (False, 5)])
def test_successive_halving_stops_what_is_in_the_worse_half(url, better, stopped):
    study = Study.create("halved", url, replace(CONFIG, pruner="halving"))
    errors = [(10 - number if better else number) / 100 for number in range(6)]
    claims = _claims(study)
    stops = [study.report(claim, 1, error) for claim, error in zip(claims, errors, strict=True)]
    assert sum(stops) == stopped


def _take(url, number, queue):
    study = Study.open("first", url)
    names = []
    while (claim := study.claim(f"worker {number}")) is not None:
        names.append(claim.network.name)
        study.finish(claim, 0.5, [], 0.1)
    queue.put(names)


def test_workers_that_take_at_once_never_take_the_same(study, url):
    study.extend(9)
    context = get_context("spawn")
    queue = context.Queue()
    workers = [context.Process(target=_take, args=(url, n, queue)) for n in range(4)]
    for worker in workers:
        worker.start()
    names = [name for _ in workers for name in queue.get(timeout=120)]
    for worker in workers:
        worker.join()
    assert len(names) == len(set(names)) == 24
    assert set(_states(study).values()) == {"complete"}


def test_a_taken_name_is_refused(study, url):
    with pytest.raises(StudyError, match="study first: its name must be free in the storage"):
        Study.create("first", url, CONFIG)


def test_an_unknown_study_is_refused_with_those_there(study, url):
    with pytest.raises(StudyError, match="study second: must be in the storage; got first"):
        Study.open("second", url)


def test_a_storage_that_is_not_there_is_not_made(tmp_path):
    path = tmp_path / "none.db"
    with pytest.raises(StudyError, match=r"storage .*none\.db: must exist; got no such file"):
        Study.open("first", str(path))
    assert not path.exists()


def test_a_foreign_study_is_refused(url):
    optuna.create_study(storage=open_storage(url), study_name="theirs")
    with pytest.raises(StudyError, match="study theirs: must be created by anynet"):
        Study.open("theirs", url)


def test_a_study_of_another_version_is_refused(study, url):
    study._study.set_user_attr("anynet", {**CONFIG.to_dict(), "format": 99})
    with pytest.raises(ConfigError, match="study first: must be of format 1; got 99"):
        Study.open("first", url)


@pytest.fixture
def path(tmp_path, made):
    return shutil.copy(made / "studies.db", tmp_path)


def test_a_storage_of_another_version_of_optuna_is_refused(path):
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'v2.6.0.a'")
    with pytest.raises(StudyError, match="must have the schema of the installed Optuna"):
        Study.open("first", path)


def test_a_file_that_is_no_storage_is_refused(tmp_path):
    path = tmp_path / "studies.db"
    path.write_text("not a database at all, and long enough to be looked at\n" * 9)
    with pytest.raises(StudyError, match="must be reachable and writable; got file is not a data"):
        Study.open("first", str(path))


def test_a_locked_file_is_one_clear_error(path, monkeypatch):
    monkeypatch.setattr("common.studies.storage._PATIENCE", 0.1)
    monkeypatch.setattr("common.studies.study.PATIENCE", 0.1)
    study = Study.open("first", path)
    locker = sqlite3.connect(path, isolation_level=None)
    locker.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StudyError, match="got database is locked; finished results"):
        study.claim("me")
    locker.close()
    assert study.claim("me") is not None


def test_a_server_that_is_not_there_is_one_clear_error():
    url = "postgresql://me:secret@127.0.0.1:9/none"
    with pytest.raises(StudyError, match="must be reachable and writable") as caught:
        Study.open("first", url)
    assert "secret" not in str(caught.value)


def test_a_config_survives_the_storage_form():
    assert StudyConfig.from_dict(CONFIG.to_dict()) == CONFIG


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"spaces": ()}, "spaces: must be at least one"),
        ({"spaces": CONFIG.spaces[:1] * 2}, "with distinct names"),
        ({"networks": 0}, "networks: must be at least 1; got 0"),
        ({"pruner": "axe"}, "pruner: must be one of none, halving"),
        ({"training": replace(CONFIG.training, devices=2)}, "training: devices must be 1, .* 2;"),
    ],
)
def test_a_bad_config_is_refused(changed, message):
    with pytest.raises(ConfigError, match=message):
        replace(CONFIG, **changed)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("a.db", "{}/a.db"),
        ("sqlite:///b/a.db", "{}/b/a.db"),
        ("journal:a.log", "journal:{}/a.log"),
        ("/x/a.db", "/x/a.db"),
        ("postgresql://me@host/studies", "postgresql://me@host/studies"),
    ],
)
def test_a_storage_is_the_same_from_another_folder(tmp_path, monkeypatch, url, expected):
    monkeypatch.chdir(tmp_path)
    assert absolute(url) == expected.format(tmp_path)


@pytest.mark.parametrize("missing", ["network", "spec", "flops"])
def test_a_trial_of_no_network_is_one_error(study, url, missing):
    storage = open_storage(url)
    held = {"network": "X/0", "index": 0, "spec": "{}", "params": 1, "flops": 1, "activations": 1}
    del held[missing]
    stranger = optuna.load_study(study_name="first", storage=storage)
    stranger.add_trial(optuna.create_trial(value=0.5, user_attrs=held))
    with pytest.raises(StudyError, match=f"trial 6: .*{missing}"):
        study.results()
