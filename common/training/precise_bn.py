"""Precise batch norm: statistics over many training images, in place of the running ones."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.arch import AnyNetSpec
from common.data import Batch, ImageData
from common.errors import ConfigError
from common.training.config import check_precise_bn
from common.training.evaluate import Evaluation, LossOf, check_state, cross_entropy, evaluate
from common.training.learner import Learner
from common.weights import is_weight

MEAN, VAR = "running_mean", "running_var"

MakeLearner = Callable[[AnyNetSpec], Learner]
"""Makes another learner like the trained one, of a spec."""


def validation(
    learner: Learner,
    data: ImageData,
    images: int,
    spec: AnyNetSpec | None,
    make_learner: MakeLearner,
    loss: LossOf = cross_entropy,
) -> Callable[[], Evaluation]:
    """What evaluates `learner` on the validation images.

    Unless `images` is 0, its batch norms first get their statistics over as many training images,
    in whole batches of one epoch at the most, the same ones every time. Raises `ConfigError` for a
    network without any.
    """
    if not images:
        return lambda: evaluate(learner, data.val_batches(), loss)
    check_precise_bn(images, data.batch_size)
    if spec is None or not spec.batch_norm:
        what = "no spec" if spec is None else "a network without them"
        raise ConfigError(f"precise_bn: needs a spec with batch norms; got {what}; leave it out")
    twin = make_learner(replace(spec, bn_momentum=1.0))

    def precisely() -> Evaluation:
        batches = islice(data.train_batches(seed=0, epoch=0), images // data.batch_size)
        renew_statistics(learner, twin, batches)
        return evaluate(learner, data.val_batches(), loss)

    return precisely


def images_taken(images: int, data: ImageData) -> int:
    """Over how many training images statistics are computed when `images` are asked for.

    They are whole batches of one epoch; a warning says so when they are fewer.
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


def renew_statistics(learner: Learner, twin: Learner, batches: Iterable[Batch]) -> None:
    """Put the statistics over all `batches` in place of `learner`'s running ones.

    `twin` learns the same network with a `bn_momentum` of 1: after a step at rate 0 its weights
    are what they were, and its running statistics are those of the batch. Batches of one size are
    asked for; variances are total, within batches and between them (Wu and Johnson, 2021,
    "Rethinking 'Batch' in BatchNorm", section 3). Raises `TrainingError` when one is not finite.
    """
    state = learner.state()
    twin.load_state({k: v for k, v in state.items() if is_weight(k)})
    seen = []
    for images, labels in batches:
        twin.train_step(images, labels, 0.0)
        seen.append({k: v for k, v in twin.state().items() if k.endswith((MEAN, VAR))})
    with np.errstate(all="ignore"):  # looked at below
        whole = _over_all(seen)
    check_state(whole, "precise batch norm: statistics over training images")
    learner.load_state(state | whole)


def _over_all(batches: list[dict[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    """Means and variances over batches of one size, from those of each."""
    whole = {}
    for name, first in batches[0].items():
        if not name.endswith(MEAN):
            continue
        of_var = name.removesuffix(MEAN) + VAR
        means = np.stack([batch[name] for batch in batches]).astype(np.float64)
        variances = np.stack([batch[of_var] for batch in batches]).astype(np.float64)
        whole[name] = means.mean(0).astype(first.dtype)
        whole[of_var] = (variances.mean(0) + means.var(0)).astype(first.dtype)
    return whole
