"""Batches of data as the learner takes them: arrays, or rows of an array on its device."""

from collections.abc import Iterator
from typing import Any

from common.data import ImageData
from common.data.rows import size_in_rows
from common.training.learner import Learner


def train_batches(
    learner: Learner, data: ImageData, seed: int, epoch: int, start: int = 0
) -> Iterator[Any]:
    """The training batches of an epoch, from batch `start` on, as `data.train_batches` has them."""
    owner: Any = data
    batches = owner.train_rows if _fits(learner, data) else owner.train_batches
    found: Iterator[Any] = batches(seed, epoch, start)
    return found


def val_batches(learner: Learner, data: ImageData) -> Iterator[Any]:
    """All validation images in batches, as `data.val_batches` has them."""
    owner: Any = data
    found: Iterator[Any] = owner.val_rows() if _fits(learner, data) else owner.val_batches()
    return found


def _fits(learner: Learner, data: ImageData) -> bool:
    """Whether all images of `data` fit on the learner's device."""
    room = getattr(learner, "data_room", 0)
    return bool(room) and 0 < size_in_rows(data) <= room
