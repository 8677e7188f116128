"""Workers of studies in processes of their own, and some that are killed."""

import os
import random
import signal
import subprocess
import time

from common.processes import start_python
from common.studies import Study

_THREADS = {"OMP_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}


def run_anynet(*arguments, folder):
    """Run the command `anynet` with `arguments` in `folder`, which must end without an error."""
    _wait_for(_start_anynet(*arguments, folder=folder))


def run_with_killed_workers(url, *options, folder, workers, kills):
    """Run the study "first" with `workers`, of which some are killed; how many were killed."""
    run = _start_anynet("study", "run", "first", "--storage", url, "--workers", workers,
                        "--threads", 1, "--grace", 4, *options, folder=folder)  # fmt: skip
    killed = _kill_workers(run, url, random.Random(0), kills)
    _wait_for(run)
    return killed


def errors(url):
    """The errors of all networks of the study "first", which must be complete."""
    results = Study.open("first", url).results()
    assert {result.state for result in results} == {"complete"}
    return {result.network.name: (result.error, result.errors) for result in results}


def attempts(url):
    """How often a network of the study "first" was begun."""
    return sum(result.attempts for result in Study.open("first", url).results())


def _start_anynet(*arguments, folder):
    compiled = {  # for all workers of these tests: they train the same networks
        "JAX_COMPILATION_CACHE_DIR": str(folder.parent / "compiled"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.5",
    }
    return start_python(
        "-W", "ignore", "-m", "common.cli", *arguments, variables=_THREADS | compiled, cwd=folder,
        start_new_session=True, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def _wait_for(process):
    out, _ = process.communicate(timeout=500)
    assert process.returncode == 0, out


def _kill_workers(run, url, draw, kills):
    """Kill random workers at random moments."""
    study, killed = Study.open("first", url), set()
    while run.poll() is None and len(killed) < kills:
        time.sleep(draw.uniform(0.1, 0.6))
        # A worker writes its name right after it has taken a network.
        names = {found.worker for found in study.results() if found.state == "running"}
        if busy := sorted(names - killed - {""}):
            worker = draw.choice(busy)
            os.kill(int(worker.rpartition(":")[2]), signal.SIGKILL)
            killed.add(worker)
    return len(killed)
