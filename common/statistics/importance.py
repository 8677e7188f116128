"""Which design parameters matter for the error."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from common.statistics.distributions import LEVEL

if TYPE_CHECKING:
    from optuna import Study

SHUFFLES: Final = 199
"""Random permutations of the errors that tell how important a parameter is by chance."""

Designs = Sequence[Mapping[str, float]]
"""The design parameters of each network."""


@dataclass(frozen=True)
class Importance:
    """The importance of a design parameter for the error, beside what chance brings.

    - `share`: of the sum of all importances of a space.
    - `low`, `high`: the 95 % range of the same number when the errors are shuffled among the
      networks; it may exceed 1, since the sum stays that of the true errors.
    - `p_value`: of "the errors do not depend on the parameter", the share of permutations (random
      ones and the identity) in which it is at least as important. `find` corrects it for all tests.
    """

    share: float
    low: float
    high: float
    p_value: float


def importances(designs: Designs, errors: Sequence[float]) -> dict[str, float]:
    """The importance of each design parameter for the error; importances sum to 1.

    PED-ANOVA (Watanabe et al., 2023) by Optuna: how much a parameter's distribution among the best
    networks differs from that among all. Constant parameters are left out. The sum is 1 even if no
    parameter matters; `importance_tests` tells which ones do.
    """
    found = _importances(_study(designs, errors), errors)
    total = sum(found.values())
    shares = {name: value / total if total else 0.0 for name, value in found.items()}
    return dict(sorted(shares.items(), key=lambda item: -item[1]))


def importance_tests(
    designs: Designs, errors: Sequence[float], shuffles: int = SHUFFLES, seed: int = 0
) -> dict[str, Importance]:
    """The importances with their ranges by chance, the most important parameter first.

    The errors are shuffled `shuffles` times among the networks.
    """
    study = _study(designs, errors)
    found = _importances(study, errors)
    total = sum(found.values())
    if not total:
        return {name: Importance(0.0, 0.0, 0.0, 1.0) for name in found}
    stream = np.random.default_rng(seed)
    drawn: dict[str, list[float]] = {name: [] for name in found}
    for _ in range(shuffles):
        for name, value in _importances(study, stream.permutation(errors).tolist()).items():
            drawn[name].append(value)
    return {
        name: _beside(found[name], drawn[name], total)
        for name in sorted(found, key=lambda name: -found[name])
    }


def _beside(value: float, drawn: Sequence[float], total: float) -> Importance:
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]) / total
    reached = 1 + sum(one >= value for one in drawn)
    return Importance(value / total, float(low), float(high), reached / (len(drawn) + 1))


def _study(designs: Designs, errors: Sequence[float]) -> "Study":
    """An Optuna study with the parameters that differ between the networks."""
    import optuna
    from optuna.distributions import FloatDistribution

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="minimize")
    names = [name for name in designs[0] if len({design[name] for design in designs}) > 1]
    distributions = {
        name: FloatDistribution(min(values), max(values))
        for name in names
        for values in [[design[name] for design in designs]]
    }
    study.add_trials(
        optuna.create_trial(
            value=error,
            params={name: design[name] for name in names},
            distributions=dict(distributions),
        )
        for design, error in zip(designs, errors, strict=True)
    )
    return study


def _importances(study: "Study", errors: Sequence[float]) -> dict[str, float]:
    """The importances for these errors of the study's networks, before normalisation."""
    import optuna

    if not study.trials[0].params:
        return {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PED-ANOVA warns of every `target`.
        return optuna.importance.get_param_importances(
            study,
            evaluator=optuna.importance.PedAnovaImportanceEvaluator(),
            target=lambda trial: errors[trial.number],
            normalize=False,
        )
