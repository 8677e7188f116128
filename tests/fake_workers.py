"""A bench whose workers answer at once, with numbers that are made up."""

import sys
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.processes import WorkerError
from benchmarks.results import Section

FACTS = {
    "processor": "made up", "cores": 2, "memory": 1e9, "system": "none", "command": "none",
    "time": "2026-01-01T12:00+00:00", "versions": {"jax": "0"}, "quick": False, "seconds": 60,
}  # fmt: skip

_MEASURED = {
    "steps": {"host": 0.1, "device": 0.09, "memory": 5e9},
    "fit": {"fit": 0.1},
    "population": {"population": 12.0},
    "yardsticks": {"product": 0.001, "copy": 0.001, "bytes": 1e9},
    "agreement": {"losses": 3e-14, "state": 7e-15},
}
"""What a worker answers for each task on a GPU."""


class FakeWorker:
    """A worker whose form takes some seconds, or fails; it lists what it is asked."""

    def __init__(self, subject, seconds, asked, device="cpu"):
        self.backend = subject[0]
        self.subject, self.seconds, self.asked, self.device = subject, seconds, asked, device

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.asked.append(("closed", *self.subject))

    def ask(self, do, task="", **_):
        if self.seconds is None:
            raise WorkerError(f"{self.subject[0]}: broken")
        if do == "measure":
            return {name: [value] for name, value in _MEASURED[task].items()}
        self.asked.append((do, *self.subject))
        return {"seconds": self.seconds, "devices": [self.device]}


def make_bench(monkeypatch, device="cpu", **seconds):
    """A bench with two frameworks on a device, whose forms take these seconds."""
    pythons = {name: Path(sys.executable) for name in ("torch", "jax")}
    made, asked = Bench(pythons, Path(), Section(), False, lambda text: None), []

    def worker(backend, form="ours"):
        return FakeWorker((backend, form), seconds.get(form, 0.1), asked, device)

    monkeypatch.setattr(made, "worker", worker)
    monkeypatch.setattr(made, "study", lambda *options: asked.append(options) or 30.0)
    made.asked = asked
    return made
