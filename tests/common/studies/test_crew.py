"""The threads of a worker, without networks."""

import os
import signal
import threading
import time

import pytest

from common.errors import StudyError
from common.studies.crew import Crew
from common.studies.interrupts import signals_interrupt


def _crew(threads=2, most=None):
    return Crew(threads, lambda: None, most)


def test_one_thread_is_the_callers():
    seen = []
    _crew(1).run(lambda number: seen.append((number, threading.current_thread())))
    assert seen == [(0, threading.current_thread())]


def test_each_thread_has_a_number():
    seen, together = set(), threading.Barrier(3, timeout=20)

    def task(number):
        together.wait()
        seen.add((number, threading.get_ident()))

    _crew(3).run(task)
    assert (len(seen), {number for number, _ in seen}) == (3, {0, 1, 2})


@pytest.mark.parametrize("threads", [1, 3])
def test_they_begin_as_many_networks_as_are_to_be_done(threads):
    crew, begun = _crew(threads, most=5), []

    def task(number):
        while crew.begin():
            begun.append(number)
            crew.end(trained=True, done=True)

    crew.run(task)
    assert (len(begun), crew.done) == (5, 5)


def test_a_network_that_failed_is_not_counted():
    crew = _crew(2, most=1)
    assert crew.begin()
    assert not crew.begin()
    crew.end(trained=True, done=False)
    assert crew.begin()


def _until_stopped(crew):
    while crew.begin():
        crew.end(trained=True, done=True)
        time.sleep(0.01)
    crew.check()


def test_an_error_in_a_thread_stops_the_others_and_is_raised():
    crew = _crew()

    def task(number):
        if number:
            raise StudyError("gone")
        _until_stopped(crew)

    with pytest.raises(StudyError, match="gone"):
        crew.run(task)
    assert crew.stopped.is_set()


def test_an_interrupt_stops_all_threads():
    crew = _crew()

    def task(number):
        if number:
            os.kill(os.getpid(), signal.SIGTERM)
        _until_stopped(crew)

    with signals_interrupt(), pytest.raises(KeyboardInterrupt):
        crew.run(task)


@pytest.mark.parametrize(("threads", "after"), [(1, 1), (2, 32)])
def test_caches_are_cleared_only_while_no_thread_trains(threads, after):
    cleared = []
    crew = Crew(threads, lambda: cleared.append(crew.done))
    for _ in range(2 * after // threads):
        assert [crew.begin() for _ in range(threads)] == [True] * threads
        for _ in range(threads):
            crew.end(trained=True, done=True)
    assert cleared == [after, 2 * after]
