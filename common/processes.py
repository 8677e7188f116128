"""Starting processes, with an import path on which a user's folders hide no package.

Python puts the folder of a script, or the working directory, first on the import path. A folder
named `common` or `torch` there would be imported instead of the package.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from pathlib import Path
from threading import Thread
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
"""The folder that holds this project's packages."""

PYTHON = Path(sys.executable)
"""The interpreter of this process."""

Process = subprocess.Popen[Any]
Completed = subprocess.CompletedProcess[str]
TimeoutExpired = subprocess.TimeoutExpired
PIPE = subprocess.PIPE


def start_python(
    *arguments: object,
    python: str | Path | None = None,
    variables: Mapping[str, str] | None = None,
    **options: Any,
) -> Process:
    """Start Python with `arguments`; `options` are those of `subprocess.Popen`.

    By default it is this interpreter with `import_path()`. Another interpreter, `python`, keeps its
    own import path, after this project. `variables` are added to the environment. Neither the
    folder of a script nor the working directory is on the import path, also in child processes.
    """
    path = import_path() if python is None else [str(ROOT)]
    environment = {**os.environ, **(variables or {}), **_SAFE, "PYTHONPATH": os.pathsep.join(path)}
    command = [str(python or PYTHON), "-P", *map(str, arguments)]
    return subprocess.Popen(command, env=environment, **options)


def run_python(
    *arguments: object,
    python: str | Path | None = None,
    variables: Mapping[str, str] | None = None,
    timeout: float | None = None,
    **options: Any,
) -> Completed:
    """Run Python as `start_python` does and wait for it; its exit code and output as text.

    After `timeout` seconds the process is killed and `TimeoutExpired` is raised.
    """
    pipes = {"stdout": PIPE, "stderr": PIPE, "text": True, "errors": "replace"}
    with start_python(
        *arguments, python=python, variables=variables, **(pipes | options)
    ) as process:
        try:
            out, err = process.communicate(timeout=timeout)
        except BaseException:
            process.kill()
            raise
    return Completed(process.args, process.returncode, out, err)


@contextmanager
def process_pool(
    variables: Mapping[str, str],
    one_task_each: bool = True,
    start: Callable[..., None] | None = None,
    sent: tuple[Any, ...] = (),
) -> Iterator[ProcessPoolExecutor]:
    """A pool of one process per core; with `one_task_each`, each task gets a new process.

    `variables` are set in the environments of its processes, unless this process has them set.
    Each process first calls `start(*sent)`: what all tasks need is sent once. They end with this
    process, even if it is killed.
    """
    added = {name: value for name, value in variables.items() if name not in os.environ} | _SAFE
    before = {name: os.environ.get(name) for name in added}
    os.environ.update(added)
    try:
        # Other limits than 1 can deadlock in Python 3.11 (python/cpython#115634).
        limit = 1 if one_task_each else None
        cores, context = len(usable_cores()), get_context("spawn")
        begin = (cores, context, _begin, (start, sent))
        with ProcessPoolExecutor(*begin, max_tasks_per_child=limit) as pool:
            yield pool
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _begin(start: Callable[..., None] | None, sent: tuple[Any, ...]) -> None:
    """Begin a process of a pool.

    Without the thread it would wait for tasks for ever when the first process is killed: it has
    both ends of the pipe from which it reads them.
    """
    Thread(target=_end_with_parent, daemon=True).start()
    if start is not None:
        start(*sent)


def _end_with_parent() -> None:
    if parent := parent_process():
        parent.join()
        os._exit(1)


def usable_cores() -> list[int]:
    """Numbers of the cores that this process may use; all cores if the system does not say."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def physical_cores(cpus: str | Path = "/sys/devices/system/cpu") -> int | None:
    """Number of cores that this process may use, of which hyperthreading shows each twice.

    `cpus` is Linux's folder of processors. None if the system does not say.
    """
    shown = [Path(cpus, f"cpu{core}/topology/thread_siblings_list") for core in usable_cores()]
    try:
        return len({file.read_text() for file in shown})
    except OSError:
        return None


def import_path() -> list[str]:
    """The import path of this process as absolute folders, for child processes.

    The folder of the main script, or the working directory of `python -m`, is left out unless this
    project is imported from there.
    """
    own, unsafe = os.path.realpath(ROOT), _put_first_by_python()
    return [
        os.path.abspath(folder)
        for folder in sys.path
        if folder and (os.path.realpath(folder) != unsafe or unsafe == own)
    ]


def _put_first_by_python() -> str | None:
    """The folder that Python put first on the import path at its start, if any."""
    if sys.flags.safe_path:
        return None
    main = sys.modules["__main__"]
    script = getattr(main, "__file__", None)
    if script is None or main.__spec__ is not None:  # interactive, or `python -m`
        return os.path.realpath(os.getcwd())
    return os.path.realpath(Path(script).resolve().parent)


_SAFE = {"PYTHONSAFEPATH": "1"}
"""Has the effect of `-P`, also in child processes."""
