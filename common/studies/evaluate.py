"""Evaluation of a network by a Python function."""

import time
from collections.abc import Callable
from dataclasses import replace

from common.bounds import MAX_EPOCHS
from common.errors import ConfigError, TrainingError
from common.numbers import checked_integer
from common.studies.config import ErrorOf
from common.studies.networks import seeded
from common.studies.objective import Objective, checked_share
from common.studies.outcome import Outcome
from common.studies.trials import METRICS, Claim, TakenError
from common.training import Row, TrainConfig
from common.training.rows import EPOCH


def evaluate_network(
    objective: Objective,
    claim: Claim,
    config: TrainConfig,
    after_epoch: Callable[[int, float], bool],
    taken: Callable[[], bool] = lambda: False,
    error_of: ErrorOf = "last",
) -> Outcome:
    """Evaluate one network by an objective, with the arguments of `train_network`.

    The error is 1 if the objective raises `TrainingError`. Raises `ObjectiveError` for anything
    else that it raises, or if it returns no result, and `TakenError` if `taken` returns True when
    it reports an error.
    """
    errors: dict[int, float] = {}
    stopped = False

    def report(epoch: int, error: float) -> bool:
        nonlocal stopped
        if taken():
            raise TakenError
        epoch = checked_integer("report: epoch", epoch, 1, MAX_EPOCHS, ConfigError)
        errors[epoch] = checked_share("report: error", error)
        stopped = after_epoch(epoch, errors[epoch]) or stopped
        return stopped

    spec = claim.network.spec
    config = replace(seeded(config, claim.network), spec=spec)
    began = time.perf_counter()
    try:
        answer = objective(spec, config, report, error_of)
    except TrainingError as diverged:
        return Outcome(1.0, _rows(errors), time.perf_counter() - began, message=str(diverged))
    seconds = time.perf_counter() - began
    for epoch, error in enumerate(answer.errors, 1):
        if errors.get(epoch) != error:
            after_epoch(epoch, error)
        errors[epoch] = error
    metrics = [{"kind": METRICS, METRICS: dict(answer.metrics)}] if answer.metrics else []
    return Outcome(answer.error, (*_rows(errors), *metrics), seconds, stopped)


def _rows(errors: dict[int, float]) -> tuple[Row, ...]:
    return tuple({"kind": EPOCH, "epoch": n, "error": error} for n, error in sorted(errors.items()))
