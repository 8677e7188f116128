"""Studies with real networks: the same results from one worker, from many, and from killed ones."""

import json
import os
import random
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from common.processes import start_python
from common.spaces import ANYNETX_A, ANYNETX_E, small
from common.studies import Study, StudyConfig
from common.training import TrainConfig
from tests.hostile import make_hostile
from tests.workers import attempts, errors, run_anynet, run_with_killed_workers

_SERVER = sorted(Path("/usr/lib/postgresql").glob("*/bin"))

_OTHERS = ("postgresql", "journal")
"""Storages besides SQLite's, which is the default."""

only_torch = pytest.mark.skipif(
    os.environ.get("ANYNET_BACKEND", "torch") != "torch",
    reason="does not depend on the framework, and PyTorch starts fastest",
)


def _tiny(space):
    """A space of the same rules whose networks are compiled and trained in a second or two."""
    space = small(space)
    return replace(
        space,
        stages=1,
        depths=replace(space.depths, values=(1, 2, 3)),
        widths=replace(space.widths, values=(8, 16, 24)),
        group_widths=replace(space.group_widths, values=(4, 8)),
    )


_MANY = 10
"""Networks of each space of a study whose workers are killed: enough for some to be killed."""


def _config(backend, networks=2):
    training = TrainConfig(
        backend, spec=None, data="sample", epochs=1, batch_size=250, resize=(8, 8)
    )
    return StudyConfig((_tiny(ANYNETX_A), _tiny(ANYNETX_E)), networks, training=training)


def _undisturbed(folder, config):
    """The folder with the results of one worker that nobody disturbs."""
    Study.create("first", str(folder / "studies.db"), config)
    run_anynet("study", "work", "first", "--storage", "studies.db", "--threads", 1, folder=folder)
    return folder


@pytest.fixture(scope="module")
def undisturbed(name, backend, tmp_path_factory):
    return _undisturbed(tmp_path_factory.mktemp("undisturbed"), _config(name))


@pytest.fixture(scope="module")
def undisturbed_many(name, backend, tmp_path_factory):
    return _undisturbed(tmp_path_factory.mktemp("undisturbed"), _config(name, _MANY))


@pytest.fixture
def url(tmp_path):
    return str(tmp_path / "studies.db")


def _report(folder, url):
    run_anynet("study", "report", "first", "--storage", url, "--out", "report",
               folder=folder)  # fmt: skip
    return json.loads((folder / "report/results.json").read_text())


def _assert_two_workers_give(expected, name, folder, url):
    Study.create("first", url, _config(name))
    run_anynet("study", "run", "first", "--storage", url, "--workers", 2, "--threads", 1,
               folder=make_hostile(folder / "beside"))  # fmt: skip
    assert errors(url) == errors(str(expected / "studies.db"))


@pytest.mark.bare("torch", "mx")
def test_two_workers_give_the_results_of_one(name, undisturbed, tmp_path, url):
    _assert_two_workers_give(undisturbed, name, tmp_path, url)


_IMPORTS = """
import gc, sys
from common.studies import Study
from common.studies.worker import work

freeze, before = gc.freeze, set()
gc.freeze = lambda: (before.update(sys.modules), freeze())
work(Study.open("first", sys.argv[1]), max_networks=1)
print(*sorted(set(sys.modules) - before))
"""


@pytest.mark.bare("torch", "mx")
def test_a_worker_has_imported_what_steps_need_before_it_freezes_its_heap(
    name, backend, tmp_path, url
):
    Study.create("first", url, _config(name))
    worker = start_python("-W", "ignore", "-c", _IMPORTS, url, stdout=subprocess.PIPE, text=True)
    printed = worker.communicate(timeout=100)[0].splitlines()
    assert worker.returncode == 0
    assert len(printed[-1].split()) < 50, printed[-1]  # PyTorch's are 800


@pytest.mark.full
@only_torch
@pytest.mark.parametrize("storage", _OTHERS)
def test_a_study_has_the_same_results_in_every_storage(name, undisturbed, tmp_path, storage):
    with _opened(tmp_path, storage) as url:
        _assert_two_workers_give(undisturbed, name, tmp_path, url)


@contextmanager
def _postgresql():
    """A server of this test's own, in a folder outside pytest's, which are for one user only."""
    if not _SERVER:
        pytest.skip("PostgreSQL is not installed (Debian's package postgresql)")
    user = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
    folder = tempfile.mkdtemp()
    if user:
        shutil.chown(folder, "postgres")
    port = random.randrange(20_000, 60_000)
    environment = {"LC_ALL": "C", "PATH": os.environ["PATH"]}

    def run(program, *options):
        command = [*user, str(_SERVER[-1] / program), *options]
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL, cwd="/")

    data = f"{folder}/data"
    run("initdb", "--pgdata", data, "--auth", "trust", "--username", "anynet")
    options = f"-p {port} -k {folder} -c fsync=off"
    run("pg_ctl", "--pgdata", data, "--wait", "--log", f"{folder}/log", "-o", options, "start")
    try:
        yield f"postgresql://anynet@127.0.0.1:{port}/postgres"
    finally:
        run("pg_ctl", "--pgdata", data, "--mode", "immediate", "stop")
        shutil.rmtree(folder)


@pytest.mark.full  # `tests/common/studies/test_killed.py` has such a study without a framework
@only_torch
@pytest.mark.parametrize("storage", ["sqlite", *_OTHERS])
def test_killed_workers_lose_nothing_and_count_nothing_twice(
    name, undisturbed_many, tmp_path_factory, storage
):
    folder = tmp_path_factory.mktemp(storage)
    with _opened(folder, storage) as url:
        Study.create("first", url, _config(name, _MANY))
        killed = run_with_killed_workers(url, folder=folder, workers=4, kills=6)
        assert killed >= 4
        assert errors(url) == errors(str(undisturbed_many / "studies.db"))
        assert 2 * _MANY <= attempts(url) <= 2 * _MANY + killed
        disturbed = _report(folder, url)
    assert disturbed == _report(undisturbed_many, "studies.db")


@contextmanager
def _opened(folder, storage):
    """The address of a new storage."""
    if storage == "postgresql":
        with _postgresql() as url:
            yield url
    else:
        yield f"journal:{folder}/studies.log" if storage == "journal" else f"{folder}/studies.db"


_CLUSTER = """
import sys, warnings
warnings.simplefilter("ignore")
from ray.cluster_utils import Cluster
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
cluster.add_node(num_cpus=1)
print(cluster.address, flush=True)
sys.stdin.read()
cluster.shutdown()
"""


@pytest.mark.full
@only_torch
def test_a_ray_cluster_of_two_nodes_gives_the_same_results(name, undisturbed, tmp_path, url):
    pytest.importorskip("ray")
    Study.create("first", url, _config(name))
    folder = make_hostile(tmp_path / "beside")
    cluster = start_python(
        "-c", _CLUSTER, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        text=True,
    )  # fmt: skip
    try:
        address = next(line for line in cluster.stdout if line.count(":") == 1).strip()
        run_anynet("study", "run", "first", "--storage", url, "--workers", 2,
                   "--threads", 1, "--ray", address, folder=folder)  # fmt: skip
    finally:
        cluster.communicate(timeout=60)
    assert errors(url) == errors(str(undisturbed / "studies.db"))
    assert len({result.worker for result in Study.open("first", url).results()}) == 2
