"""What a worker measures, by form: this project's network, the plain one, and those of others."""

import importlib
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from benchmarks import gpu, peers
from benchmarks.cases import Case
from benchmarks.plain import RATE
from common.backends import load_backend
from common.errors import BackendError


class Subject(Protocol):
    """A network being trained, in some formulation."""

    def train_step(self, images: NDArray[np.uint8], labels: NDArray[np.int32]) -> Any:
        """One step of training."""

    def predict(self, images: NDArray[np.uint8]) -> Any:
        """Logits (N, classes), computed when this returns."""


class Ours:
    """This project's learner, as `Trainer.fit` uses it."""

    def __init__(self, backend: str, case: Case, fold: bool = False) -> None:
        module = load_backend(backend)
        network = module.create(case.spec)
        self.learner = module.Learner(module.fuse(network) if fold else network, case.image_shape)

    def train_step(self, images: NDArray[np.uint8], labels: NDArray[np.int32]) -> Any:
        """One step of training."""
        return self.learner.train_step(images, labels, RATE)

    def predict(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Logits (N, classes)."""
        return self.learner.eval_step(images)


def plain_module(backend: str) -> Any:
    """The module of the plain formulation in a framework."""
    return importlib.import_module(f"benchmarks.plain.{backend}")


def make_subject(backend: str, form: str, case: Case) -> Subject:
    """The subject of that form. Raises `BackendError` for one that is not there."""
    if form in ("ours", "folded"):
        return Ours(backend, case, fold=form == "folded")
    if form == "plain":
        subject: Subject = plain_module(backend).Plain(case.spec, case.image_shape)
        return subject
    if form.startswith("gpu ") and backend in gpu.BACKENDS:
        return gpu.OnGPU(backend, form, case)
    if backend == "torch":
        return peers.make_peer(form, case)
    raise BackendError(f"form: must be one that {backend} has; got {form!r}")


def waiter(backend: str) -> Callable[[], None]:
    """The function that returns when all that was begun in a framework is done."""
    wait: Callable[[], None] = plain_module(backend).wait
    return wait
