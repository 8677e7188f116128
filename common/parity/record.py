"""What one backend computes on the cases, as arrays by name."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.backends import Backend
from common.files import write_bytes
from common.parity.cases import CASES, LEARNING_RATE, Case
from common.training import CHAPTER_RECIPE, MOMENTUM, Recipe

TRAJECTORIES = {
    "plain": CHAPTER_RECIPE,
    "nesterov": Recipe(0.9, True, 5e-4, warmup_epochs=1, schedule="cosine"),
}
"""Recipes whose training steps are compared."""


def record(backend: Backend, case: Case) -> Iterator[tuple[str, NDArray[Any]]]:
    """Yield logits, losses and trained arrays under `quantity` or `quantity/array` names."""
    network = backend.create(case.spec)
    backend.set_weights(network, case.arrays())
    yield "eval logits", backend.logits(network, case.inputs())
    yield "train logits", backend.logits(network, case.inputs(), training=True)
    for name, recipe in TRAJECTORIES.items():
        for quantity, array in _trajectory(backend, case, recipe):
            yield f"{name} {quantity}", array


def _trajectory(backend: Backend, case: Case, recipe: Recipe) -> Iterator[tuple[str, NDArray[Any]]]:
    network = backend.create(case.spec)
    backend.set_weights(network, case.arrays())
    learner = backend.Learner(network, case.image_shape, recipe, "cpu")
    before, losses = learner.state(), []
    for step in range(case.steps):
        rate = recipe.learning_rate(LEARNING_RATE, step / case.steps, case.steps)
        loss, _ = learner.train_step(case.images(), case.labels(), rate)
        losses.append(float(loss))
        if step == 0:
            yield from _state("step 1", before, learner.state())
    yield "losses", np.array(losses, np.float32)
    if case.steps > 1:
        yield from _state(f"step {case.steps}", before, learner.state())


def write_record(backend: Backend, path: Path, cases: tuple[Case, ...] = CASES) -> None:
    """Record all cases to one safetensors file, whole or not at all."""
    from rich.progress import track
    from safetensors.numpy import save

    arrays = {
        f"{case.name}/{name}": np.ascontiguousarray(array)
        for case in track(cases, description=path.stem, transient=True)
        for name, array in record(backend, case)
    }
    write_bytes(path, save(arrays))


def _state(
    prefix: str, before: dict[str, NDArray[Any]], after: dict[str, NDArray[Any]]
) -> Iterator[tuple[str, NDArray[Any]]]:
    """Running statistics as they are; weights as their movement in units of their own norm."""
    for name, array in after.items():
        if name.endswith(("running_mean", "running_var")):
            yield f"{prefix} statistics/{name}", array
        elif not name.endswith(MOMENTUM):
            norm = max(float(np.linalg.norm(before[name])), 1e-30)
            yield f"{prefix} movement/{name}", (array - before[name]) / np.float32(norm)
