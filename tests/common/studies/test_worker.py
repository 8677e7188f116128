"""What a worker does with the networks it takes, with a framework of a few lines."""

import os
import signal
import threading
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from common.errors import BackendError, StudyError
from common.studies import work
from common.studies.worker import _Watch
from tests.common.training.fakes import Data, Learner


@pytest.fixture
def backend(monkeypatch):
    """A framework whose networks need `fail` and `losses` to be told how to behave."""
    fake = SimpleNamespace(losses=(), fail=lambda spec: None, made=0, cleared=0)

    def create(spec, seed):
        fake.made += 1
        fake.fail(spec)
        return spec

    def clear_caches():
        fake.cleared += 1

    fake.create = create
    fake.clear_caches = clear_caches
    fake.Learner = lambda *_: Learner(fake.losses)
    for module in ("worker", "crew"):
        monkeypatch.setattr(f"common.studies.{module}.load_backend", lambda name: fake)
    monkeypatch.setattr("common.studies.worker.open_data", lambda *_: Data())
    return fake


def test_a_worker_trains_every_network(study, backend):
    assert work(study, tell=lambda _: None) == 6
    assert {(r.state, round(r.error, 3), len(r.errors)) for r in study.results()} == {
        ("complete", 0.857, 2)
    }


@pytest.mark.parametrize(("error_of", "expected"), [("last", 0.4), ("least", 0.3)])
def test_the_error_that_counts_is_the_last_or_the_least(error_of, expected):
    reported = []
    watch = _Watch(lambda _, error: reported.append(error), lambda: False, error_of)
    for epoch, accuracy in enumerate((0.5, 0.7, 0.6), 1):
        watch.on_log({"kind": "epoch", "epoch": epoch, "val_accuracy": accuracy})
    assert watch.error == pytest.approx(expected)
    assert reported == pytest.approx([0.5, 0.3, 0.4])


def test_a_worker_clears_up_after_each_network(study, backend):
    work(study, tell=lambda _: None, max_networks=2)
    assert (backend.made, backend.cleared) == (2, 2)


def test_the_record_of_a_network_is_kept(study, backend):
    work(study, tell=lambda _: None, max_networks=1)
    (result,) = (r for r in study.results() if r.state == "complete")
    assert [row["kind"] for row in result.record] == ["interval", "epoch"] * 2
    assert 1 - result.record[-1]["val_accuracy"] == result.error


def test_a_worker_stops_after_as_many_as_it_was_told(study, backend):
    assert work(study, tell=lambda _: None, max_networks=2) == 2
    assert sum(result.state == "waiting" for result in study.results()) == 4


def test_a_network_that_diverges_has_error_1(study, backend):
    backend.losses = (1.0, float("nan"))
    work(study, tell=lambda _: None, max_networks=1)
    (result,) = (r for r in study.results() if r.state == "complete")
    assert result.error == 1.0
    assert "the loss must stay finite" in result.message


def test_what_a_framework_raises_fails_one_network(study, backend):
    def fail(spec):
        if backend.made == 2:
            raise MemoryError("too wide")

    backend.fail = fail
    said = []
    assert work(study, tell=said.append) == 5
    (result,) = (r for r in study.results() if r.state == "failed")
    assert result.message == "MemoryError: too wide"
    assert f"{result.network.name} failed: MemoryError: too wide" in said


def test_a_worker_gives_up_when_network_after_network_fails(study, backend):
    def fail(spec):
        raise RuntimeError("no such device")

    backend.fail = fail
    with pytest.raises(StudyError, match="got 3 consecutive failures, last: .*no such"):
        work(study, tell=lambda _: None)
    assert sum(result.state == "waiting" for result in study.results()) == 3


@pytest.fixture
def interruptible():
    """Processes that were started in the background ignore SIGINT, those of `nohup` SIGHUP."""
    handlers = {signal.SIGINT: signal.default_int_handler, signal.SIGHUP: signal.SIG_DFL}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.usefixtures("interruptible")
def test_an_interrupted_worker_gives_its_network_back(study, backend, number):
    def fail(spec):
        if backend.made == 2:
            os.kill(os.getpid(), number)

    backend.fail = fail
    with pytest.raises(KeyboardInterrupt):
        work(study, tell=lambda _: None)
    states = [result.state for result in study.results()]
    assert (states.count("complete"), states.count("waiting")) == (1, 5)


@pytest.mark.usefixtures("interruptible")
def test_a_worker_under_nohup_goes_on(study, backend):
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    backend.fail = lambda spec: os.kill(os.getpid(), signal.SIGHUP)
    assert work(study, tell=lambda _: None) == 6


def test_a_worker_waits_for_the_networks_of_others(study, backend):
    claim = study.claim("gone")
    assert work(study, tell=lambda _: None, grace=1.0) == 6
    (result,) = (r for r in study.results() if r.network == claim.network)
    assert result.attempts == 2


def test_a_worker_keeps_telling_that_it_is_alive(study, backend, monkeypatch):
    beats = []
    monkeypatch.setattr(study, "beat", beats.append)

    def fail(spec):
        import time

        time.sleep(0.2)

    backend.fail = fail
    work(study, tell=lambda _: None, max_networks=1, grace=0.04)
    assert len(beats) > 3


def _taken_while_training(study, backend):
    """Let another worker finish the network that is trained first, while it is trained."""
    name = []

    def fail(spec):
        if backend.made == 1:
            (own,) = (r for r in study.results() if r.state == "running")
            name.append(own.network.name)
            study.retry(running=True)
            for claim in list(iter(lambda: study.claim("another"), None)):
                if claim.network == own.network:
                    study.finish(claim, 0.25, [], 1.0)
                else:
                    study.release(claim)

    backend.fail = fail
    return name


@pytest.mark.parametrize("grace", [60.0, 0.02])
def test_a_worker_that_was_suspended_goes_on_with_the_other_networks(study, backend, grace):
    name, said = _taken_while_training(study, backend), []
    assert work(study, tell=said.append, grace=grace) == 5
    assert said[0] == f"{name[0]} was taken over by another worker while this one was suspended"
    (result,) = (r for r in study.results() if r.network.name == name[0])
    assert (result.state, result.error) == ("complete", 0.25)


def test_what_fails_at_a_worker_that_was_suspended_is_not_counted(study, backend):
    name = _taken_while_training(study, backend)
    take = backend.fail

    def fail(spec):
        take(spec)
        if backend.made == 1:
            raise MemoryError

    backend.fail = fail
    work(study, tell=lambda _: None)
    assert {r.state for r in study.results()} == {"complete"}
    assert name


@pytest.fixture
def threads(backend):
    """The numbers of networks that threads train at the same time, as they begin."""
    backend.SUPPORTS_TRAINING_IN_THREADS, backend.streams = True, 0
    together, training = threading.Barrier(2, timeout=20), set()

    @contextmanager
    def own_stream():
        backend.streams += 1
        yield

    def fail(spec):
        training.add(threading.get_ident())
        together.wait()  # until the other thread has a network, too

    backend.own_stream, backend.fail = own_stream, fail
    return training


def test_threads_train_as_many_networks_at_a_time_as_they_are(study, backend, threads):
    assert work(study, tell=lambda _: None, at_once=2) == 6
    assert (len(threads), backend.streams, backend.made) == (2, 2, 6)
    assert {(r.state, round(r.error, 3)) for r in study.results()} == {("complete", 0.857)}
    assert len({r.worker for r in study.results()}) == 2


def test_a_framework_without_threads_refuses_several_networks_at_once(study, backend):
    backend.SUPPORTS_TRAINING_IN_THREADS = False
    with pytest.raises(BackendError, match="^at-once: must be 1 in .*; got 2; start more"):
        work(study, at_once=2)
    assert backend.made == 0
