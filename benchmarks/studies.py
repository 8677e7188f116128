"""What a study costs beside the training of its networks, and what a second worker brings."""

import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.bench import Bench
from benchmarks.processes import ROOT, environment
from benchmarks.separate import by_itself
from common.backends import load_backend
from common.data import FashionMNIST
from common.errors import BackendError

TRAINED = "small networks, three epochs of the sample"
"""Name of the case."""

Values = dict[str, list[float]]


def studies(bench: Bench) -> None:
    """Networks trained by a worker and in a bare loop, and a study with one and two workers."""
    bench.team.rest()
    backend = "torch"
    if backend not in bench.team.backends:
        bench.note("studies: not measured; needs PyTorch")
        return
    counts = (3, 4) if bench.quick else (12, 64)
    bench.results.cases[TRAINED] = {"networks": counts[1]}
    bench.tell("a worker against a bare loop")
    options = {"networks": counts[0]}
    for form, taken in by_itself(bench, "worker", TRAINED, backend, options).items():
        bench.add("studies", TRAINED, (backend, form), "seconds", taken)
    for workers in (1, 2):
        bench.tell(f"{counts[1]} networks, workers: {workers}")
        seconds = _run(bench.team.pythons[backend], counts[1], workers)
        bench.add("studies", TRAINED, (backend, f"{workers} at once"), "seconds", [seconds])


def worker(backend: str, options: dict[str, Any]) -> Values:
    """Seconds per network in a study's worker and in a bare loop, in turn."""
    from common.studies import Study, train_network, work
    from common.studies.study import Claim

    module, values = load_backend(backend), Values(worker=[], bare=[])
    with tempfile.TemporaryDirectory() as folder:
        study = Study.create("bench", str(Path(folder, "studies.db")), _config(backend, options))
        config = study.config.training
        data = FashionMNIST(config.batch_size, config.resize, config.data)
        networks = iter([result.network for result in study.results()])
        began = time.perf_counter()

        def bare(message: str) -> None:
            """Called after each network of the worker: the same one without a study."""
            nonlocal began
            values["worker"].append(time.perf_counter() - began)
            claim = Claim(0, 0, next(networks))
            began = time.perf_counter()
            train_network(module, claim, data, config, lambda epoch, error: False)
            values["bare"].append(time.perf_counter() - began)
            began = time.perf_counter()

        work(study, bare)
    # The first one warms up what is made once.
    return {form: taken[1:] for form, taken in values.items()}


def _config(backend: str, options: dict[str, Any]) -> Any:
    from dataclasses import replace

    from common.spaces import SPACES, Limits
    from common.studies import StudyConfig
    from common.training import RECIPES, TrainConfig

    limits = Limits(flops=(1e6, 2e6), image_size=28)
    space = replace(SPACES["AnyNetXA-small"], limits=limits)
    training = TrainConfig(
        backend, spec=None, data="sample", epochs=3, resize=(28, 28),
        learning_rate=0.1, recipe=RECIPES["population"],
    )  # fmt: skip
    return StudyConfig((space,), options["networks"], training=training)


def _run(python: Path, networks: int, workers: int) -> float:
    """Wall time of a whole study."""
    with tempfile.TemporaryDirectory() as folder:
        command = [str(python.absolute()), "-m", "common.cli", "study", "run", "bench", "--space",
                   "AnyNetXA-small", "--networks", str(networks), "--flops", "1e6:2e6",
                   "--workers", str(workers), "--threads", "1"]  # fmt: skip
        variables = {**environment(), "PYTHONPATH": str(ROOT)}
        began = time.perf_counter()
        done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True)
        if done.returncode:
            raise BackendError(f"study: must run; got {done.stderr.strip()[-500:]}")
        return time.perf_counter() - began
