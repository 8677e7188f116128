"""The result of training or evaluating one network."""

from dataclasses import dataclass

from common.training import Row


@dataclass(frozen=True)
class Outcome:
    """The result of training one network; `message` says why it diverged."""

    error: float
    rows: tuple[Row, ...]
    seconds: float
    pruned: bool = False
    message: str | None = None
