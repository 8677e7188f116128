"""Distributions of stage parameters, for Optuna's dashboard."""

from collections.abc import Sequence

from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution


def distributions(parameters: Sequence[dict[str, float]]) -> dict[str, BaseDistribution]:
    """A distribution for each parameter: of integers, unless some of its values are below 1."""
    found: dict[str, list[float]] = {}
    for values in parameters:
        for name, value in values.items():
            found.setdefault(name, []).append(value)
    return {
        name: IntDistribution(1, int(max(values)))
        if min(values) >= 1
        else FloatDistribution(min(values), max(values))
        for name, values in found.items()
    }
