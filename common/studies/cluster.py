"""Workers on a Ray cluster, which assigns each its node, cores and GPUs."""

from contextlib import chdir

from common.backends import start_backend
from common.errors import BackendError, StudyError, told
from common.installs import how_to_install
from common.processes import ROOT
from common.studies.address import absolute
from common.studies.launch import Watch, limit_threads
from common.studies.objective import Objective, check_objective
from common.studies.study import PATIENCE, Study
from common.studies.worker import work

_POLL = 1.0
"""Seconds between checks of the workers."""


def run_on_ray(
    study: Study,
    address: str | None,
    workers: int,
    threads: int,
    gpus: float,
    grace: float,
    watch: Watch,
    objective: Objective | None = None,
) -> None:
    """Run workers on a Ray cluster until no network waits.

    Every node must be able to reach the storage: a server, or a file on a shared disk. Raises
    `BackendError` without Ray and `StudyError` if all workers fail.

    - `address`: the cluster; None starts Ray on this machine
    - `workers`: number of workers
    - `threads`: CPUs reserved for each worker
    - `gpus`: GPUs reserved for each worker; a fraction shares one
    - `grace`: seconds without a heartbeat after which a worker counts as gone
    - `watch`: called about once a second
    - `objective`: the function that evaluates networks; its file has the same path everywhere
    """
    study.config.check_trains(f"study {study.name}")
    check_objective(study.name, study.config.objective, objective)
    try:
        import ray
    except ImportError as error:
        raise BackendError(
            f"ray: must be installed; got {told(error)}; {how_to_install('ray')}"
        ) from error
    try:
        # Ray starts its workers in the working directory and adds it to their import path.
        with chdir(ROOT):
            ray.init(address=address, log_to_driver=False, ignore_reinit_error=True)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise StudyError(
            f"ray: must have a cluster at {address or 'this machine'}; got {error}"
        ) from error
    worker = ray.remote(num_cpus=threads, num_gpus=gpus, max_retries=0)(_work)
    url = absolute(study.url)
    function = objective.argument if objective else None
    waiting = [worker.remote(study.name, url, threads, grace, function) for _ in range(workers)]
    failures: list[Exception] = []
    try:
        while waiting:
            done, waiting = ray.wait(waiting, timeout=_POLL)
            watch()
            for task in done:
                try:
                    ray.get(task)
                except ray.exceptions.RayError as error:
                    failures.append(error)
    except KeyboardInterrupt:
        for task in waiting:
            ray.cancel(task)
        ray.wait(waiting, num_returns=len(waiting), timeout=60)
        raise
    finally:
        ray.shutdown()
    if len(failures) == workers:
        last = str(failures[-1]).strip().splitlines()[-1]
        raise StudyError(
            f"study {study.name}: a worker must finish; got {workers} that failed; {last}"
        )


def _work(name: str, url: str, threads: int, grace: float, function: str | None) -> int:
    limit_threads(threads)
    study = Study.open(name, url, PATIENCE)
    objective = Objective.load(function) if function else None
    if objective is None:
        start_backend(study.config.training.backend, flops=0)
    return work(study, tell=lambda _: None, grace=grace, objective=objective)
