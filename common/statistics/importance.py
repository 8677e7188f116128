"""Which design parameters matter for the error."""

import warnings
from collections.abc import Mapping, Sequence

import numpy as np


def importances(
    designs: Sequence[Mapping[str, float]], errors: Sequence[float]
) -> dict[str, float]:
    """The importance of each design parameter for the error; importances sum to 1.

    PED-ANOVA (Watanabe et al., 2023) by Optuna: how much a parameter's distribution among the best
    networks differs from that among all. Constant parameters are left out. The sum is 1 even if no
    parameter matters; `importance_chances` tests which ones do.
    """
    found = _importances(designs, errors, normalize=True)
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def importance_chances(
    designs: Sequence[Mapping[str, float]],
    errors: Sequence[float],
    shuffles: int = 99,
    seed: int = 0,
) -> dict[str, float]:
    """P-values of the importances, by a permutation test of "the parameter does not matter".

    The share of permutations of the errors (`shuffles` random ones and the identity) whose
    importance, before normalisation, is at least as large.
    """
    found = _importances(designs, errors, normalize=False)
    stream = np.random.default_rng(seed)
    reached = dict.fromkeys(found, 1)
    for _ in range(shuffles):
        shuffled = _importances(designs, stream.permutation(errors).tolist(), normalize=False)
        for name, value in shuffled.items():
            reached[name] += value >= found[name]
    return {name: times / (shuffles + 1) for name, times in reached.items()}


def _importances(
    designs: Sequence[Mapping[str, float]], errors: Sequence[float], normalize: bool
) -> dict[str, float]:
    import optuna
    from optuna.distributions import FloatDistribution

    names = [name for name in designs[0] if len({design[name] for design in designs}) > 1]
    if not names:
        return {}
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="minimize")
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
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        evaluator = optuna.importance.PedAnovaImportanceEvaluator()
        return optuna.importance.get_param_importances(
            study, evaluator=evaluator, normalize=normalize
        )
