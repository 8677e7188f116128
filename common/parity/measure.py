"""What one backend computes on a case, as arrays by name."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from common import reference
from common.arch import AnyNetSpec
from common.parity.cases import Case
from common.training import CHAPTER_RECIPE, Learner, Precision, Recipe
from common.weights import MOMENTUM, expected_shapes, moved_weights

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

DRAWS = 6
"""How many times weights are moved to see what that changes: by one rounding unit or by ten."""

MARGIN = 10
"""How many rounding units a backend may be away from the reference."""


class Subject(Protocol):
    """What a package must offer to be measured; the NumPy reference does too."""

    Learner: type[Learner]

    def create(self, name_or_spec: str | AnyNetSpec, seed: int = 0) -> Any:
        """A ready network by name or spec."""

    def get_weights(self, network: Any) -> dict[str, NDArray[Any]]:
        """Canonical arrays of a network."""

    def set_weights(self, network: Any, arrays: dict[str, NDArray[Any]]) -> None:
        """Put canonical arrays into a network."""

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
        yield from _free_run(subject, case, arrays)
        yield from _restarted_steps(subject, case, arrays)


def sensitivity(case: Case, precision: Precision) -> Measured:
    """How far `MARGIN` rounding units in every weight move what the reference computes.

    The largest over a few draws, per array; for losses per step, never falling. Half of the draws
    move weights by one unit, and their changes count `MARGIN` times; the others move them all the
    way, and so find the ReLUs that one unit leaves on their side.
    """
    # Only free runs are judged by a float64 unit, and only they are not by a float32 one.
    computed = (
        partial(_free_run, TRUTH)
        if precision == "float64"
        else partial(measure, TRUTH, precision="float64")
    )
    case = replace(case, chaotic=False)
    unmoved = dict(computed(case, arrays=case.arrays()))
    changes: dict[str, NDArray[Any]] = {}
    for draw in range(DRAWS):
        units = MARGIN if draw % 2 else 1
        moved = moved_weights(case.spec, case.arrays(), draw, units, precision)
        for name, array in computed(case, arrays=moved):
            change = np.abs(array - unmoved[name]) * (MARGIN / units)
            if name.endswith("/losses"):
                change = np.maximum.accumulate(change)
            else:
                change = np.array(change.max())
            changes[name] = np.maximum(change, changes.get(name, 0.0))
    yield from changes.items()


def _learner(
    subject: Subject,
    case: Case,
    recipe: Recipe,
    precision: Precision,
    arrays: Mapping[str, NDArray[Any]],
) -> Learner:
    network = subject.create(case.spec)
    # A reference with moved weights cannot hold them in a float32 network first.
    learner = subject.Learner(
        network, case.image_shape, recipe, device="cpu", precision=_own(subject, precision)
    )
    learner.load_state(dict(arrays))
    return learner


def _own(subject: Subject, precision: Precision) -> Precision:
    return "float64" if subject is TRUTH else precision


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


def _free_run(subject: Subject, case: Case, arrays: Mapping[str, NDArray[Any]]) -> Measured:
    learner = _learner(subject, case, CHAPTER_RECIPE, "float64", arrays)
    batch = case.images(), case.labels()
    losses = [float(learner.train_step(*batch, CHAOTIC_RATE)[0]) for _ in range(case.steps)]
    yield "free run/losses", np.array(losses)


def _restarted_steps(subject: Subject, case: Case, arrays: Mapping[str, NDArray[Any]]) -> Measured:
    """Every step taken from the reference's state instead of the subject's own."""
    guide = _learner(TRUTH, case, CHAPTER_RECIPE, "float64", arrays)
    learner = _learner(subject, case, CHAPTER_RECIPE, "float64", arrays)
    for step in range(case.steps):
        learner.load_state(guide.state())
        for each in (guide, learner):
            each.train_step(case.images(), case.labels(), CHAOTIC_RATE)
        yield from _weights(f"restarted step {step + 1}", learner.state())


def _weights(prefix: str, state: Mapping[str, NDArray[Any]]) -> Measured:
    for name, array in state.items():
        if not name.endswith(MOMENTUM) and not (prefix.endswith("step 1") and _is_statistic(name)):
            yield f"{prefix}/{name}", array


def _is_statistic(name: str) -> bool:
    return name.endswith(("running_mean", "running_var"))
