"""Compute everything that is compared of one backend, or of the reference, on a case."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from common import reference
from common.arch import AnyNetSpec
from common.parity.cases import Case
from common.parity.quantities import (
    ADAMW_FIRST,
    ADAMW_LAST,
    ADAMW_LOSSES,
    AVERAGED_FIRST,
    AVERAGED_LAST,
    AVERAGED_LOSSES,
    CLIPPED_FIRST,
    CLIPPED_LAST,
    CLIPPED_LOSSES,
    EVAL_OUTPUTS,
    FREE_RUN,
    FROZEN_FIRST,
    FROZEN_LAST,
    FROZEN_LOSSES,
    GRADIENT,
    MIXED_FIRST,
    MIXED_LAST,
    MIXED_LOSSES,
    NESTEROV_FIRST,
    NESTEROV_LAST,
    NESTEROV_LOSSES,
    PLAIN_FIRST,
    PLAIN_LAST,
    PLAIN_LOSSES,
    RESTARTED,
    SECOND_DERIVATIVE,
    SHAPES,
    SMOOTHED_FIRST,
    SMOOTHED_LAST,
    SMOOTHED_LOSSES,
    STATISTICS,
    TRAIN_OUTPUTS,
    Key,
    Quantity,
)
from common.training import CHAPTER_RECIPE, Learner, Precision, Recipe
from common.weights import MOMENTUM, Arrays, expected_shapes, shown_weights

Measured = Iterator[tuple[Key, NDArray[Any]]]

TRUTH = cast("Subject", reference)
"""The NumPy reference as a subject."""

_RUNNING = ("running_mean", "running_var")
PRECISIONS: tuple[Precision, ...] = ("float64", "float32")
SMALL_RATE = 0.001
CHAPTER_RATE = 0.05
"""Learning rate of the chapter, at which a rounding error grows about a hundredfold per step."""


@dataclass(frozen=True)
class Run:
    """A recipe, and the quantities that a run with it yields."""

    recipe: Recipe
    losses: Quantity
    first: Quantity
    """The parameters after the first step."""
    last: Quantity
    """The parameters and running statistics after the last step."""
    freeze: tuple[str, ...] = ()
    """The parts of the network that are frozen."""
    mixed: bool = False
    """Whether the batch is mixed."""


PLAIN = Run(CHAPTER_RECIPE, PLAIN_LOSSES, PLAIN_FIRST, PLAIN_LAST)
NESTEROV = Run(
    Recipe(0.9, True, 5e-4, warmup_epochs=1, schedule="cosine"),
    NESTEROV_LOSSES,
    NESTEROV_FIRST,
    NESTEROV_LAST,
)
# With a usual epsilon, AdamW would divide rounding errors of gradients that are zero by it.
ADAMW = Run(
    Recipe(weight_decay=0.1, optimizer="adamw", beta2=0.99, epsilon=1e-3),
    ADAMW_LOSSES,
    ADAMW_FIRST,
    ADAMW_LAST,
)
CLIPPED = Run(Recipe(clip_norm=0.1), CLIPPED_LOSSES, CLIPPED_FIRST, CLIPPED_LAST)
AVERAGED = Run(Recipe(ema_decay=0.9), AVERAGED_LOSSES, AVERAGED_FIRST, AVERAGED_LAST)
FROZEN = Run(CHAPTER_RECIPE, FROZEN_LOSSES, FROZEN_FIRST, FROZEN_LAST, ("stage1",))
SMOOTHED = Run(Recipe(label_smoothing=0.1), SMOOTHED_LOSSES, SMOOTHED_FIRST, SMOOTHED_LAST)
MIXED = Run(CHAPTER_RECIPE, MIXED_LOSSES, MIXED_FIRST, MIXED_LAST, mixed=True)
OPTIONS = (ADAMW, CLIPPED, AVERAGED, FROZEN, SMOOTHED, MIXED)
"""Runs with one option of a step each; averaged weights are compared in place of the others."""


class Subject(Protocol):
    """What a package must offer to be compared: the four backends, and the NumPy reference."""

    SUPPORTS_SECOND_DERIVATIVES: bool

    @property
    def Learner(self) -> type[Learner]:  # noqa: N802
        """One network being trained on one device."""

    def create(self, name_or_spec: str | AnyNetSpec, seed: int = 0) -> Any:
        """A ready network by name or spec."""

    def get_weights(self, network: Any) -> dict[str, NDArray[Any]]:
        """Parameters and running statistics by canonical name, in canonical layout."""

    def set_weights(self, network: Any, arrays: dict[str, NDArray[Any]]) -> None:
        """Put such arrays into a network."""

    def hessian_product(
        self,
        network: Any,
        images: NDArray[Any],
        labels: NDArray[Any],
        direction: Mapping[str, NDArray[Any]],
    ) -> dict[str, NDArray[Any]]:
        """The Hessian of the training loss times a direction, by the parameter's name."""

    def layer_outputs(
        self, network: Any, images: NDArray[Any], training: bool = False
    ) -> dict[str, NDArray[Any]]:
        """Outputs of the layers by canonical name, for images (N, C, H, W)."""


def measure(
    subject: Subject,
    case: Case,
    precision: Precision = "float64",
    arrays: Mapping[str, NDArray[Any]] | None = None,
) -> Measured:
    """Yield the arrays of every quantity but second derivatives, in order of computation.

    `arrays` are the weights to start from, by default the case's own. When the subject's network
    has arrays of other names or shapes than the plan's, only its shapes are yielded.
    """
    arrays = case.arrays() if arrays is None else arrays
    shapes = _shapes(subject, case)
    yield from _named(case, precision, SHAPES, {n: np.array(shape) for n, shape in shapes.items()})
    if shapes != expected_shapes(case.spec):
        return
    network = _learner(subject, case, CHAPTER_RECIPE, precision, arrays).network
    for quantity, training in ((EVAL_OUTPUTS, False), (TRAIN_OUTPUTS, True)):
        outputs = subject.layer_outputs(network, case.inputs(), training)
        yield from _named(case, precision, quantity, outputs)
    for run in (PLAIN, NESTEROV, *(OPTIONS if case.options else ())):
        learner = _learner(subject, case, run.recipe, precision, arrays, run.freeze)
        yield from _train(learner, run, case, precision, arrays)
    if case.chaotic and precision == "float64":
        yield from free_run(subject, case, arrays)
        yield from _restarted_steps(subject, case, arrays)


def second_derivatives(subject: Subject, case: Case) -> Measured:
    """Yield the Hessian of the training loss times the case's direction, in float64.

    Nothing is yielded for a case that is not `curved`, for a framework without second derivatives,
    or for a network whose shapes are not the plan's.
    """
    if not (case.curved and subject.SUPPORTS_SECOND_DERIVATIVES):
        return
    if _shapes(subject, case) != expected_shapes(case.spec):
        return
    network = _learner(subject, case, CHAPTER_RECIPE, "float64", case.arrays()).network
    products = subject.hessian_product(network, case.inputs(), case.labels(), case.direction())
    yield from _named(case, "float64", SECOND_DERIVATIVE, products)


def free_run(subject: Subject, case: Case, arrays: Mapping[str, NDArray[Any]]) -> Measured:
    """Yield the losses in float64 at the chapter's rate, with another batch at every step."""
    learner = _learner(subject, case, CHAPTER_RECIPE, "float64", arrays)
    losses = [
        float(learner.train_step(case.images(step), case.labels(step), CHAPTER_RATE)[0])
        for step in range(case.steps)
    ]
    yield from _named(case, "float64", FREE_RUN, {"losses": np.array(losses)})


def _named(
    case: Case,
    precision: Precision,
    quantity: Quantity,
    arrays: Mapping[str, NDArray[Any]],
    step: int = 0,
) -> Measured:
    for name, array in arrays.items():
        yield Key(case.name, precision, quantity, name, step), array


def _shapes(subject: Subject, case: Case) -> dict[str, tuple[int, ...]]:
    weights = subject.get_weights(subject.create(case.spec))
    return {name: array.shape for name, array in weights.items()}


def _learner(
    subject: Subject,
    case: Case,
    recipe: Recipe,
    precision: Precision,
    arrays: Mapping[str, NDArray[Any]],
    freeze: tuple[str, ...] = (),
) -> Learner:
    network = subject.create(case.spec)
    learner = subject.Learner(network, case.image_shape, recipe, "cpu", precision, freeze)
    learner.load_state(dict(arrays))
    return learner


def _train(
    learner: Learner,
    run: Run,
    case: Case,
    precision: Precision,
    initial: Mapping[str, NDArray[Any]],
) -> Measured:
    """Yield the losses and weights of a run on one batch, and what its first step tells."""
    losses, shares = [], (case.shares(),) if run.mixed else ()
    for step in range(case.steps):
        rate = run.recipe.learning_rate(SMALL_RATE, step / case.steps * 2, 2)
        loss, _ = learner.train_step(case.images(), case.labels(), rate, *shares)
        losses.append(float(loss))
        if step == 0:
            state = learner.state()
            if run.recipe.momentum:
                found = _gradients(state, run.recipe, initial)
                yield from _named(case, precision, GRADIENT, found)
                yield from _named(case, precision, STATISTICS, _statistics(state))
            yield from _named(case, precision, run.first, _parameters(state))
    yield from _named(case, precision, run.losses, {"losses": np.array(losses)})
    state = shown_weights(learner.state())
    yield from _named(case, precision, run.last, state, case.steps)


def _gradients(
    state: Mapping[str, NDArray[Any]], recipe: Recipe, initial: Mapping[str, NDArray[Any]]
) -> Arrays:
    """Gradients of the first step: its momentum buffers less the weight decay."""
    gradients = {}
    for name, buffer in state.items():
        if name.endswith(MOMENTUM):
            # In the backend's own precision, so that a gradient of zero comes out as zero.
            weight = initial[name.removesuffix(MOMENTUM)].astype(buffer.dtype)
            decay = buffer.dtype.type(recipe.weight_decay)
            gradients[name.removesuffix(MOMENTUM)] = buffer - decay * weight
    return gradients


def _restarted_steps(subject: Subject, case: Case, arrays: Mapping[str, NDArray[Any]]) -> Measured:
    """Yield the relative error of every step that starts from the reference's state.

    The reference trains at the chapter's rate. Its weights differ between releases of NumPy, so it
    is run again here and errors are recorded instead of weights.
    """
    guide = _learner(TRUTH, case, CHAPTER_RECIPE, "float64", arrays)
    learner = _learner(subject, case, CHAPTER_RECIPE, "float64", arrays)
    for step in range(case.steps):
        learner.load_state(guide.state())
        for each in (guide, learner):
            each.train_step(case.images(step), case.labels(step), CHAPTER_RATE)
        truth, state = guide.state(), learner.state()
        # The statistics of the first step are compared as a quantity of their own.
        state = shown_weights(state) if step else _parameters(state)
        errors = {
            name: (array - truth[name]) / np.abs(truth[name]).max(initial=0.0)
            for name, array in state.items()
        }
        yield from _named(case, "float64", RESTARTED, errors, step + 1)


def _parameters(state: Mapping[str, NDArray[Any]]) -> Arrays:
    return {n: a for n, a in shown_weights(state).items() if not n.endswith(_RUNNING)}


def _statistics(state: Mapping[str, NDArray[Any]]) -> Arrays:
    return {name: array for name, array in state.items() if name.endswith(_RUNNING)}
