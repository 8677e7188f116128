"""The section on GPUs: one process per framework measures one form after the other.

A GPU that others do not use needs no turns. What matters most comes first, as the section ends at
its deadline; what is left then is noted.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any

from benchmarks.bench import Bench
from benchmarks.cases import FLAGSHIPS, Case, RegNetX32
from benchmarks.processes import Process
from benchmarks.results import AGREEMENT
from benchmarks.tasks import PRECISIONS
from common.arch import count

MINUTES = 8
"""For how long the section begins new measurements."""

MOVES = 14
"""How often a training step reads or writes each output of a convolution at least.

Forward: it is written, read for the statistics, read again, written normalised, and read by the
next layer. Backward: the gradient of the normalised output is written; it and the output are read
for two sums and once more; the result is written and read twice; the normalised output is read."""

_BATCHES = ((128, 1024), (256,))
"""Of the two networks."""

_PEERS = (("plain bfloat16",), ("timm bfloat16", "torchvision bfloat16"))
_COMPILED = ("plain compiled", "timm compiled")
"""Compiling takes the longest: one peer of each network, at its last batch size."""

_CREWS = {"torch": ((1, 8), (4, 4), (12, 1), (1, 1)), "jax": ((1, 8), (4, 4))}
"""Processes, and networks that each trains at a time."""


class _Run:
    """A run of the section: its deadline, and whom it asks."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self._ends = time.monotonic() + 60 * MINUTES
        self.rounds = bench.rounds(5)

    def ask(self, worker: Process, task: str, form: str, what: str, **options: Any) -> Any:
        """Lists of values by name; none where the form fails, or the time is over."""
        if time.monotonic() > self._ends:
            self.bench.section.notes.append(f"{what}, {form}: not measured; the time was over")
            return {}
        self.bench.tell(f"{what}: {worker.backend} {form}")
        with self.bench.noting(f"{what}, {form}"):
            return worker.ask("measure", task=task, form=form, options=options)
        return {}

    def steps(self, worker: Process, case: Case, form: str, predicts: bool = False) -> None:
        """Training steps, or predictions, with images from the host and on the device."""
        what = "inference" if predicts else "training"
        name, costs = f"{what}, {case.name}", count(case.spec, case.image_size)
        passes, moves = (1, 2) if predicts else (3, MOVES)
        self.bench.section.cases[name] = {
            "items": case.batch,
            "flops": passes * case.batch * costs.flops,
            "moves": moves * case.batch * costs.activations,
        }
        found = self.ask(worker, "steps", form, name, case=case.to_dict(), predicts=predicts,
                         rounds=self.rounds)  # fmt: skip
        for where, values in found.items():
            kept = name if where != "memory" else f"memory, {name}"
            suffix = ", images on the device" if where == "device" else ""
            self.bench.add(kept, (worker.backend, form + suffix), values)

    def yardsticks(self, worker: Process) -> None:
        """The product of two matrices in each precision, and the copy of one."""
        side = 256 if self.bench.quick else 8192
        self.bench.section.cases["matrix product"] = {"items": 1, "flops": side**3}
        for form in PRECISIONS:
            found = self.ask(worker, "yardsticks", form, "matrix product", side=side,
                             rounds=self.rounds)  # fmt: skip
            if found:
                self.bench.add("matrix product", ("torch", f"{form} product"), found["product"])
                self.bench.section.cases["copy in memory"] = {
                    "items": 1,
                    "moves": found["bytes"][0],
                }
        if found:
            self.bench.add("copy in memory", ("torch", "copy"), found["copy"])

    def fit(self, worker: Process, case: Case) -> None:
        """`Trainer.fit` on the sample, beside the bare steps of the same case."""
        name, epochs = f"training, {case.name}", 2 if self.bench.quick else 3
        given = replace(case, batch=RegNetX32.batch).to_dict()
        found = self.ask(worker, "fit", "bfloat16", name, case=given, epochs=epochs)
        for values in found.values():
            self.bench.add(name, (worker.backend, "bfloat16, in fit"), values)

    def agreement(self, worker: Process) -> None:
        """How far float64 steps of RegNetX32 are from those of the CPU."""
        case = self.bench.sized(replace(RegNetX32, batch=8)).to_dict()
        for what, share in self.ask(worker, "agreement", "float64", AGREEMENT, case=case).items():
            self.bench.add(AGREEMENT, (worker.backend, what), share)

    def population(self, backend: str, processes: int, threads: int) -> None:
        """A population of small networks by so many processes, each with so many threads."""
        networks = 2 if self.bench.quick else 16 if processes * threads == 1 else 48
        options = {"networks": networks, "workers": processes, "threads": threads,
                   "epochs": self._epochs}  # fmt: skip
        self._networks(backend, networks, f"{processes} x {threads} at a time",
                       partial(self._trained, backend, processes, options))  # fmt: skip

    def study(self, backend: str) -> None:
        """A larger one by `anynet study run`, with the start of its workers and its storage."""
        quick = self.bench.quick
        networks, workers, at_once = (2, 1, 2) if quick else (128, 4, 4)
        options = ("--space", "AnyNetXE-small", "--epochs", self._epochs, "--workers", workers,
                   "--at-once", at_once, "--gpus", 0 if quick else 1)  # fmt: skip
        self._networks(backend, networks, f"study run, {workers} x {at_once} at a time",
                       partial(self.bench.study, backend, networks, *options))  # fmt: skip

    @property
    def _epochs(self) -> int:
        return 1 if self.bench.quick else 4

    def _networks(
        self, backend: str, networks: int, form: str, measure: Callable[[], float]
    ) -> None:
        name = f"{networks} small networks, {self._epochs} epochs of the sample"
        self.bench.section.cases[name] = {"items": networks}
        if time.monotonic() > self._ends:
            self.bench.section.notes.append(f"{name}, {form}: not measured; the time was over")
            return
        self.bench.tell(f"{name}: {backend} {form}")
        with self.bench.noting(f"{name}, {form}"):
            self.bench.add(name, (backend, form), [measure()])

    def _trained(self, backend: str, processes: int, options: dict[str, Any]) -> float:
        """Seconds of the slowest process, whose start is not counted."""
        workers = [self.bench.worker(backend) for _ in range(processes)]
        try:
            with ThreadPoolExecutor(processes) as pool:
                list(pool.map(lambda worker: worker.ask("facts"), workers))  # all have started

                def ask(first: int) -> float:
                    given = {**options, "first": first}
                    found = workers[first].ask(
                        "measure", task="population", form="float32", options=given
                    )
                    return float(found["population"][0])

                return max(pool.map(ask, range(processes)))
        finally:
            for worker in workers:
                worker.__exit__()


def gpu(bench: Bench) -> None:
    """PyTorch and JAX on a GPU, where there is one: steps, `fit`, populations, and peers."""
    found = [backend for backend in ("torch", "jax") if _sees_gpu(bench, backend)]
    if not found:
        bench.section.notes.append("gpu: not measured; neither PyTorch nor JAX sees one")
        return
    run = _Run(bench)
    cases = [
        [bench.sized(case) if bench.quick else replace(case, batch=batch) for batch in batches]
        for case, batches in zip(FLAGSHIPS, _BATCHES, strict=True)
    ]
    for backend in found:
        with bench.worker(backend) as worker:
            _measure(run, worker, cases)
        for processes, threads in _CREWS[backend][: 1 if bench.quick else None]:
            run.population(backend, processes, threads)
        if backend == "torch":
            run.study(backend)
    if "torch" in found and not bench.quick:
        with bench.worker("torch") as worker:
            for sizes, form in zip(cases, _COMPILED, strict=True):
                run.steps(worker, sizes[-1], form)


def _measure(run: _Run, worker: Process, cases: list[list[Case]]) -> None:
    """All that one process measures: our forms in every case, then the peers."""
    is_torch = worker.backend == "torch"
    if is_torch:
        run.yardsticks(worker)
    for case in (case for sizes in cases for case in sizes):
        run.steps(worker, case, "bfloat16")
    run.fit(worker, cases[0][0])
    run.steps(worker, cases[1][0], "fused bfloat16", predicts=True)
    for sizes, peers in zip(cases, _PEERS, strict=True):
        for form in peers if is_torch else ():
            run.steps(worker, sizes[-1], form)
        for form in ("tf32", "float32") if is_torch or sizes is cases[0] else ():
            run.steps(worker, sizes[0], form)
    for form in ("timm bfloat16",) if is_torch else ():
        run.steps(worker, cases[1][0], form, predicts=True)
    run.agreement(worker)


def _sees_gpu(bench: Bench, backend: str) -> bool:
    """Whether a framework has a GPU; a quick run takes what there is."""
    if backend not in bench.pythons or bench.quick:
        return backend in bench.pythons
    with bench.worker(backend) as worker:
        return bool(worker.ask("facts")["devices"][0].startswith("gpu"))
