"""Precise batch norm: statistics over many training images replace the running averages."""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.arch import AnyNetSpec
from common.data import ImageData
from common.data.image_data import checked_batches
from common.errors import ConfigError
from common.training.batches import train_batches, val_batches
from common.training.config import check_precise_bn
from common.training.evaluate import Evaluation, LossOf, check_state, cross_entropy, evaluate
from common.training.learner import Learner
from common.weights import AVERAGE, shown_weights

MEAN, VAR = "running_mean", "running_var"

MakeLearner = Callable[[AnyNetSpec], Learner]
"""Makes a learner of another spec, otherwise like the trained one."""


def validation(
    learner: Learner,
    data: ImageData,
    images: int,
    spec: AnyNetSpec | None,
    make_learner: MakeLearner,
    loss: LossOf = cross_entropy,
) -> Callable[[], Evaluation]:
    """A function that evaluates `learner` on the validation images.

    Raises `ConfigError` if precise statistics are asked for and the network has no batch norms.

    - `learner`: the network; its running statistics are replaced before each evaluation.
    - `data`: training and validation images.
    - `images`: number of training images for the statistics, rounded down to whole batches of one
      epoch, the same ones each time; 0 evaluates with the running averages.
    - `spec`: the network's spec, if it has one.
    - `make_learner`: makes the second learner that computes the statistics.
    - `loss`: mean loss of logits and labels.
    """

    def evaluate_now() -> Evaluation:
        return evaluate(learner, checked_batches(data, val_batches(learner, data), longest=2), loss)

    if not images:
        return evaluate_now
    check_precise_bn(images, data.batch_size)
    if spec is None or not spec.batch_norm:
        what = "no spec" if spec is None else "a network without them"
        raise ConfigError(f"precise_bn: needs a spec with batch norms; got {what}; leave it out")
    twin = make_learner(replace(spec, bn_momentum=1.0))

    def evaluate_precisely() -> Evaluation:
        batches = islice(train_batches(twin, data, seed=0, epoch=0), images // data.batch_size)
        renew_statistics(learner, twin, checked_batches(data, batches))
        return evaluate_now()

    return evaluate_precisely


def images_taken(images: int, data: ImageData) -> int:
    """Number of training images that precise statistics use if `images` are asked for.

    These are whole batches of one epoch; a warning is logged if they are fewer than `images`.
    """
    taken = min(images // data.batch_size, data.steps_per_epoch) * data.batch_size
    if taken < images:
        logging.getLogger("anynet").warning(
            "precise_bn: statistics are over %d training images, whole batches of %d, of the %d "
            "that were asked for",
            taken,
            data.batch_size,
            images,
        )
    return taken


def renew_statistics(
    learner: Learner, twin: Learner, batches: Iterable[Sequence[NDArray[Any]]]
) -> None:
    """Replace `learner`'s running statistics by those over all `batches`, which have equal sizes.

    Images are not mixed, as those of validation are not. Of averaged weights, the averages'
    statistics are replaced, and the current ones stay.

    `twin` has bn_momentum 1: a step at rate 0 leaves weights unchanged and sets running statistics
    to the batch's. The total variance is the mean of the batches' variances plus the variance of
    their means (Wu and Johnson, 2021, "Rethinking 'Batch' in BatchNorm", section 3). Raises
    `TrainingError` if a statistic is not finite.
    """
    state = learner.state()
    twin.load_state(shown_weights(state))
    seen = []
    for images, labels, *_ in batches:
        twin.train_step(images, labels, 0.0)
        seen.append({k: v for k, v in twin.state().items() if k.endswith((MEAN, VAR))})
    with np.errstate(all="ignore"):  # check_state reports what is not finite
        pooled = _pooled(seen)
    check_state(pooled, "precise batch norm: statistics over training images")
    averaged = any(name.endswith(AVERAGE) for name in state)
    ending = AVERAGE if averaged else ""
    learner.load_state(state | {name + ending: array for name, array in pooled.items()})


def _pooled(batches: list[dict[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    """Means and variances over all batches, from those of each batch."""
    pooled = {}
    for name, first in batches[0].items():
        if not name.endswith(MEAN):
            continue
        of_var = name.removesuffix(MEAN) + VAR
        means = np.stack([batch[name] for batch in batches]).astype(np.float64)
        variances = np.stack([batch[of_var] for batch in batches]).astype(np.float64)
        pooled[name] = means.mean(0).astype(first.dtype)
        pooled[of_var] = (variances.mean(0) + means.var(0)).astype(first.dtype)
    return pooled
