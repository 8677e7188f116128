"""What one backend computes on the cases, as arrays by name."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.backends import Backend
from common.files import write_bytes
from common.parity.cases import CASES, LEARNING_RATE, STEPS, Case
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
        network = backend.create(case.spec)
        backend.set_weights(network, case.arrays())
        learner = backend.Learner(network, case.image_shape, recipe, "cpu")
        losses = []
        for step in range(STEPS):
            rate = recipe.learning_rate(LEARNING_RATE, step / STEPS, STEPS)
            loss, _ = learner.train_step(case.images(), case.labels(), rate)
            losses.append(float(loss))
            if step in (0, STEPS - 1):
                yield from _state(f"{name} step {step + 1}", learner.state())
        yield f"{name} losses", np.array(losses, np.float32)


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


def _state(prefix: str, state: dict[str, NDArray[Any]]) -> Iterator[tuple[str, NDArray[Any]]]:
    for name, array in state.items():
        if name.endswith(("running_mean", "running_var")):
            kind = "statistics"
        elif name.endswith(MOMENTUM):
            kind = "momentum"
        else:
            kind = "weights"
        yield f"{prefix} {kind}/{name}", array
