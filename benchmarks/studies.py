"""What a study costs beside the training of its networks, and what a second worker brings."""

import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.bench import Bench
from benchmarks.processes import settings
from benchmarks.separate import by_itself
from common.backends import load_backend
from common.data import FashionMNIST
from common.errors import BackendError
from common.processes import run_python

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
    counts = (4, 4) if bench.quick else (14, 64)
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
    """Seconds per two networks in a study's worker and in a bare loop.

    The second to train a network finds its kernels made, so the two are first by turns: worker,
    bare, bare, worker.
    """
    from common.studies import Study, train_network, work
    from common.studies.study import Claim

    module, values = load_backend(backend), Values(worker=[], bare=[])
    with tempfile.TemporaryDirectory() as folder:
        study = Study.create("bench", str(Path(folder, "studies.db")), _config(backend, options))
        config = study.config.training
        data = FashionMNIST(config.batch_size, config.resize, config.data)
        networks = [result.network for result in study.results()]
        began = time.perf_counter()

        def bare(message: str) -> None:
            """Called after each network of the worker."""
            nonlocal began
            values["worker"].append(time.perf_counter() - began)
            done = len(values["worker"])
            for network in networks[done - 1 : done + 1] if done % 2 else ():
                began = time.perf_counter()
                train_network(module, Claim(0, 0, network), data, config, lambda *_: False)
                values["bare"].append(time.perf_counter() - began)
            began = time.perf_counter()

        work(study, bare)
    # The first two warm up what is made once.
    return {form: _in_pairs(taken)[1:] for form, taken in values.items()}


def _in_pairs(values: list[float]) -> list[float]:
    return [first + second for first, second in zip(values[::2], values[1::2], strict=True)]


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
        began = time.perf_counter()
        done = run_python(
            "-m", "common.cli", "study", "run", "bench", "--space", "AnyNetXA-small",
            "--networks", networks, "--flops", "1e6:2e6", "--workers", workers, "--threads", "1",
            python=python.absolute(), variables=settings(), cwd=folder,
        )  # fmt: skip
        if done.returncode:
            raise BackendError(f"study: must run; got {done.stderr.strip()[-500:]}")
        return time.perf_counter() - began
