"""What one backend computes on a case, as arrays by name."""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from common import reference
from common.arch import AnyNetSpec
from common.errors import BackendError
from common.parity.cases import Case
from common.training import CHAPTER_RECIPE, Learner, Precision, Recipe
from common.weights import MOMENTUM, expected_shapes

Record = dict[str, NDArray[Any]]
"""Arrays by `case/precision/quantity/array`."""

Measured = Iterator[tuple[str, NDArray[Any]]]

TRUTH = cast("Subject", reference)
"""The reference as a subject."""

PRECISIONS: tuple[Precision, ...] = ("float64", "float32")
SMALL_RATE = 0.001
CHAOTIC_RATE = 0.05
"""The chapter's learning rate, at which a rounding error grows about a hundredfold per step."""

RECIPES = {
    "plain": CHAPTER_RECIPE,
    "nesterov": Recipe(0.9, True, 5e-4, warmup_epochs=1, schedule="cosine"),
}
"""Recipes whose training steps are compared."""


class Subject(Protocol):
    """What a package must offer to be measured; the NumPy reference does too."""

    Learner: type[Learner]

    def create(self, name_or_spec: str | AnyNetSpec, seed: int = 0) -> Any:
        """A ready network by name or spec."""

    def get_weights(self, network: Any) -> dict[str, NDArray[Any]]:
        """Canonical arrays of a network."""

    def set_weights(self, network: Any, arrays: dict[str, NDArray[Any]]) -> None:
        """Put canonical arrays into a network."""

    def hessian_product(
        self,
        network: Any,
        images: NDArray[Any],
        labels: NDArray[Any],
        direction: Mapping[str, NDArray[Any]],
    ) -> dict[str, NDArray[Any]]:
        """The Hessian of the training loss times a direction; raises `BackendError` without."""

    def layer_outputs(
        self, network: Any, images: NDArray[Any], training: bool = False
    ) -> dict[str, NDArray[Any]]:
        """Outputs of the layers by canonical name."""


def measure(
    subject: Subject,
    case: Case,
    precision: Precision = "float64",
    arrays: Mapping[str, NDArray[Any]] | None = None,
) -> Measured:
    """Yield arrays under `quantity/array`: outputs, gradients, statistics, training steps.

    `arrays` are the weights to start from instead of the case's own. Arrays of another shape than
    the plan's are all that is yielded when there are any.
    """
    arrays = case.arrays() if arrays is None else arrays
    shapes = {n: a.shape for n, a in subject.get_weights(subject.create(case.spec)).items()}
    for name, shape in shapes.items():
        yield f"shapes/{name}", np.array(shape)
    if shapes != expected_shapes(case.spec):
        return
    network = _learner(subject, case, CHAPTER_RECIPE, precision, arrays).network
    for mode, training in (("eval", False), ("train", True)):
        outputs = subject.layer_outputs(network, case.inputs(), training)
        for name, output in outputs.items():
            yield f"{mode} outputs/{name}", output
    for name, recipe in RECIPES.items():
        learner = _learner(subject, case, recipe, precision, arrays)
        yield from _trajectory(learner, case, name, recipe, arrays)
    if case.chaotic and precision == "float64":
        yield from free_run(subject, case, arrays)
        yield from _restarted_steps(subject, case, arrays)


def second_derivatives(subject: Subject, case: Case) -> Measured:
    """Yield the Hessian of the training loss times a direction, in float64.

    Nothing is yielded of a case that is not `curved`, of a subject whose framework has no second
    derivatives, or whose arrays are not the plan's.
    """
    if not case.curved:
        return
    shapes = {n: a.shape for n, a in subject.get_weights(subject.create(case.spec)).items()}
    if shapes != expected_shapes(case.spec):
        return
    network = _learner(subject, case, CHAPTER_RECIPE, "float64", case.arrays()).network
    try:
        products = subject.hessian_product(network, case.inputs(), case.labels(), case.direction())
    except BackendError:
        return
    for name, product in products.items():
        yield f"second derivative/{name}", product


def _learner(
    subject: Subject,
    case: Case,
    recipe: Recipe,
    precision: Precision,
    arrays: Mapping[str, NDArray[Any]],
) -> Learner:
    network = subject.create(case.spec)
    learner = subject.Learner(network, case.image_shape, recipe, "cpu", precision)
    learner.load_state(dict(arrays))
    return learner


def _trajectory(
    learner: Learner, case: Case, name: str, recipe: Recipe, before: Mapping[str, NDArray[Any]]
) -> Measured:
    losses = []
    for step in range(case.steps):
        rate = recipe.learning_rate(SMALL_RATE, step / case.steps * 2, 2)
        loss, _ = learner.train_step(case.images(), case.labels(), rate)
        losses.append(float(loss))
        if step == 0:
            state = learner.state()
            if recipe.momentum:
                yield from _first_step(state, recipe, before)
            yield from _weights(f"{name} step 1", state)
    yield f"{name} steps/losses", np.array(losses)
    yield from _weights(f"{name} step {case.steps}", learner.state())


def _first_step(
    state: Mapping[str, NDArray[Any]], recipe: Recipe, before: Mapping[str, NDArray[Any]]
) -> Measured:
    """Gradients, out of the momentum buffers that hold nothing else yet, and statistics."""
    for name, array in state.items():
        if name.endswith(MOMENTUM):
            # Rounded as the backend rounds it, so that a gradient of zero comes out as zero.
            decay = array.dtype.type(recipe.weight_decay)
            weight = before[name.removesuffix(MOMENTUM)].astype(array.dtype)
            yield f"gradient/{name.removesuffix(MOMENTUM)}", array - decay * weight
        elif _is_statistic(name):
            yield f"statistics/{name}", array


def free_run(subject: Subject, case: Case, arrays: Mapping[str, NDArray[Any]]) -> Measured:
    """Yield the losses in float64 at the chapter's rate, on another batch at every step."""
    learner = _learner(subject, case, CHAPTER_RECIPE, "float64", arrays)
    losses = [
        float(learner.train_step(case.images(step), case.labels(step), CHAOTIC_RATE)[0])
        for step in range(case.steps)
    ]
    yield "free run/losses", np.array(losses)


def _restarted_steps(subject: Subject, case: Case, arrays: Mapping[str, NDArray[Any]]) -> Measured:
    """Every step taken from the reference's state instead of the subject's own.

    Yields how far the subject is from the reference after each, relative to the array's largest
    element: the reference's path itself depends on the release of NumPy, and is taken anew here.
    """
    guide = _learner(TRUTH, case, CHAPTER_RECIPE, "float64", arrays)
    learner = _learner(subject, case, CHAPTER_RECIPE, "float64", arrays)
    for step in range(case.steps):
        learner.load_state(guide.state())
        for each in (guide, learner):
            each.train_step(case.images(step), case.labels(step), CHAOTIC_RATE)
        state, truth = learner.state(), guide.state()
        for name, array in _weights(f"restarted step {step + 1}", state):
            expected = truth[name.split("/")[1]]
            yield name, (array - expected) / np.abs(expected).max(initial=0.0)


def _weights(prefix: str, state: Mapping[str, NDArray[Any]]) -> Measured:
    for name, array in state.items():
        if not name.endswith(MOMENTUM) and not (prefix.endswith("step 1") and _is_statistic(name)):
            yield f"{prefix}/{name}", array


def _is_statistic(name: str) -> bool:
    return name.endswith(("running_mean", "running_var"))
