"""Workers on this machine: one process each, with a share of the cores and GPUs."""

import os
import time
from collections.abc import Callable
from pathlib import Path

from common.errors import ConfigError, StudyError
from common.files import check_writable, open_regular
from common.processes import Process, TimeoutExpired, start_python, usable_cores
from common.studies.objective import Objective, check_objective
from common.studies.study import Study
from common.studies.trials import ATTEMPTS, GRACE

_THREADS = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "NPROC",
)  # fmt: skip
"""Variables that set the frameworks' number of threads; NPROC is that of XLA's CPU backend."""

_SHARING = {"XLA_PYTHON_CLIENT_PREALLOCATE": "false", "TF_FORCE_GPU_ALLOW_GROWTH": "true"}
"""Variables with which JAX and TensorFlow leave memory of a GPU to other workers."""

STORAGE = "ANYNET_STORAGE"
"""Variable that names the storage."""

_POLL = 0.5
"""Seconds between checks of the workers."""

Watch = Callable[[], None]


def limit_threads(threads: int) -> None:
    """Set the number of threads of frameworks that are imported later."""
    os.environ.update(dict.fromkeys(_THREADS, str(threads)))


def run_workers(
    study: Study,
    workers: int = 1,
    threads: int | None = None,
    gpus: int = 0,
    grace: float = GRACE,
    watch: Watch = lambda: None,
    objective: Objective | None = None,
    at_once: int = 1,
) -> None:
    """Run worker processes on this machine until no network waits.

    Their output goes to the directory NAME-workers. Killed workers are replaced, a limited number
    of times. On an interrupt, every worker returns its network to the queue. Raises `ConfigError`
    for fewer than one worker or thread, and `StudyError` if all workers fail or the study has
    another objective.

    - `workers`: number of processes
    - `threads`: threads of each; by default an equal share of the cores
    - `gpus`: number of GPUs on this machine, assigned to the workers in turn; 0 for none
    - `grace`: seconds without a heartbeat after which a worker counts as gone
    - `watch`: called twice a second
    - `objective`: the function that evaluates networks, in a file, for a study that has one
    - `at_once`: number of networks that each worker trains at a time
    """
    study.config.check_trains(f"study {study.name}")
    check_objective(study.name, study.config.objective, objective)
    more = ("--objective", objective.argument) if objective else ()
    logs = Path(f"{study.name}-workers")
    cores = usable_cores()
    threads = threads or max(1, len(cores) // workers)
    if workers < 1 or threads < 1:
        raise ConfigError(f"workers, threads: must be at least 1; got {workers} and {threads}")
    for number in range(workers):
        _check_log(_log(logs, number))
    logs.mkdir(parents=True, exist_ok=True)

    given = ("--grace", str(grace), "--at-once", str(at_once))

    def start(number: int) -> Process:
        # Assign cores round-robin, so that no two workers share one while another is idle. With
        # cores to spare, other programs may keep some busy, and the system knows which.
        own = {cores[(number * threads + i) % len(cores)] for i in range(threads)}
        own = own if workers * threads >= len(cores) else set(cores)
        gpu = _gpu_of(number, gpus, workers)
        return _start(study, number, threads, own, gpu, logs, (*given, *more))

    running = {number: start(number) for number in range(workers)}
    failed: list[int] = []
    spare = workers * ATTEMPTS
    try:
        while running:
            watch()
            time.sleep(_POLL)
            for number, process in list(running.items()):
                if process.poll() is None:
                    continue
                del running[number]
                if process.returncode < 0 and spare:
                    spare -= 1
                    running[number] = start(number)
                elif process.returncode:
                    failed.append(number)
    except BaseException:
        _stop(running)
        raise
    watch()
    if len(failed) == workers:
        raise StudyError(
            f"study {study.name}: a worker must finish; got {workers} that failed; "
            f"see {_log(logs, failed[0])}: {_last_line(_log(logs, failed[0]))}"
        )


def _gpu_of(number: int, gpus: int, workers: int) -> dict[str, str]:
    """Variables that give a worker its GPU, of which others may need a part."""
    if not gpus:
        return {}
    sharing = {name: value for name, value in _SHARING.items() if name not in os.environ}
    own = {"CUDA_VISIBLE_DEVICES": str(number % gpus)}
    return own if workers <= gpus else own | sharing


def _start(
    study: Study,
    number: int,
    threads: int,
    cores: set[int],
    gpu: dict[str, str],
    logs: Path,
    more: tuple[str, ...],
) -> Process:
    # A variable, not an argument: all users can see arguments, and the address may have a password.
    variables = dict.fromkeys(_THREADS, str(threads)) | gpu | {STORAGE: study.url}
    command = (
        "-m", "common.cli", "study", "work", study.name,
        "--threads", str(threads), *more,
    )  # fmt: skip
    with _log(logs, number).open("ab") as log:
        if not log.tell():
            log.write(_LOG_START)
            log.flush()
        # In its own session, so that Ctrl-C reaches only this process, which forwards it once.
        process = start_python(
            *command, variables=variables, stdout=log, stderr=log, start_new_session=True
        )
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(process.pid, cores)
    return process


def _stop(running: dict[int, Process]) -> None:
    for process in running.values():
        process.terminate()  # background processes ignore SIGINT
    for process in running.values():
        try:
            process.wait(timeout=60)
        except TimeoutExpired:
            process.kill()
            process.wait()


def _log(logs: Path, number: int) -> Path:
    return logs / f"worker-{number}.log"


def _check_log(path: Path) -> None:
    """Raise `StudyError` if the log file exists and was not written by a worker."""
    check_writable(path)
    if not path.exists():
        return
    with open_regular(path) as log:
        if log.read(len(_LOG_START)) != _LOG_START:
            raise StudyError(
                f"{path}: must be a free name or a worker's log; got another file; move it away"
            )


_LOG_START = b"# anynet study work\n"


def _last_line(path: Path) -> str:
    lines = path.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "nothing"
