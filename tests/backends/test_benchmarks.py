"""The plain networks of the benchmarks, and workers that measure them."""

import importlib
import sys
from pathlib import Path

import pytest

from benchmarks.cases import REGNETX32_CASE, REGNETY_400MF_CASE, shrunk
from benchmarks.processes import Process, WorkerError
from common.arch import count

_CASES = [shrunk(case) for case in (REGNETX32_CASE, REGNETY_400MF_CASE)]


@pytest.fixture(scope="module")
def worker(name, backend, tmp_path_factory):
    process = Process(Path(sys.executable), name, tmp_path_factory.mktemp("log") / "log.txt")
    yield process
    process.close()


@pytest.mark.parametrize("case", _CASES, ids=lambda case: case.network)
def test_the_plain_network_has_the_planned_parameters(name, backend, case):
    plain = importlib.import_module(f"benchmarks.plain.{name}")
    subject = plain.Plain(case.spec, case.image_shape)
    assert subject.size() == count(case.spec, case.image_size).params


@pytest.mark.parametrize(("task", "form"), [("training", "plain"), ("inference", "folded")])
def test_a_worker_times_a_step(worker, task, form):
    request = {"key": form, "task": task, "form": form, "options": {"case": _CASES[1].to_dict()}}
    prepared = worker.ask("prepare", **request)
    assert prepared["first"] > 0
    assert worker.ask("time", key=form)["seconds"] > 0
    assert worker.ask("release", key=form) == {}


def test_a_worker_answers_after_an_error(worker):
    request = {"key": "x", "form": "none", "options": {"case": _CASES[0].to_dict()}}
    with pytest.raises(WorkerError, match="form: must be one"):
        worker.ask("prepare", task="training", **request)
    assert worker.ask("facts")["versions"]
