"""Importances of design parameters: Optuna's numbers, and chances of a permutation test."""

import math
import warnings
from importlib.metadata import version

import numpy as np
import pytest

from common.statistics import find, holm, importance_tests, importances
from common.statistics.comparison import p_values, uncorrected
from common.statistics.ped_anova import best_networks, counted, divergences, on_grid


def test_the_parameter_that_decides_is_the_most_important_one():
    stream = np.random.default_rng(7)
    designs = [{"width": float(w), "depth": float(d), "fixed": 1.0}
               for w, d in stream.random((200, 2))]  # fmt: skip
    found = importances(designs, [(one["width"] - 0.6) ** 2 for one in designs])
    assert list(found) == ["width", "depth"]
    assert found["width"] > 0.8
    assert sum(found.values()) == pytest.approx(1)


def _random_designs(count=64):
    stream = np.random.default_rng(8)
    designs = [{"width": float(w), "depth": float(d)} for w, d in stream.random((count, 2))]
    return designs, stream.random(count).tolist()


def test_importances_of_shuffled_errors_are_no_more_than_chance():
    found = importance_tests(*_random_designs(), shuffles=19)
    assert min(one.p_value for one in found.values()) > 0.05
    assert all(one.low <= one.share <= one.high for one in found.values())


def test_the_importance_of_the_parameter_that_decides_is_more_than_chance():
    designs, _ = _random_designs()
    found = importance_tests(designs, [one["width"] for one in designs], shuffles=19)
    assert list(found) == ["width", "depth"]
    assert found["width"].p_value == 0.05
    assert found["width"].share > found["width"].high
    assert found["depth"].p_value > 0.05
    assert {name: one.share for name, one in found.items()} == importances(
        designs, [one["width"] for one in designs]
    )


def test_all_tests_of_a_report_are_corrected_together():
    designs, errors = _random_designs()
    spaces = {"a": errors, "b": [0.9 * error for error in errors]}
    found = find(spaces, [("a", "b")], {"a": designs, "b": designs}, shuffles=9)
    (raw,) = uncorrected(spaces, [("a", "b")], 0, 0.005)
    tests = [
        *p_values([raw]),
        *(one.p_value for space in "ab"
          for one in importance_tests(designs, spaces[space], 9).values()),
    ]  # fmt: skip
    assert found.tests == len(tests) == 6 + 4
    assert holm(tests) == [
        *p_values(found.comparisons),
        *(one.p_value for own in found.importances.values() for one in own.values()),
    ]


def _by_optuna(designs, errors):
    """The importances as Optuna computes them."""
    import optuna

    columns = {name: [one[name] for one in designs] for name in designs[0]}
    ranges = {
        name: optuna.distributions.FloatDistribution(min(values), max(values))
        for name, values in columns.items()
    }
    study = optuna.create_study()
    study.add_trials(
        optuna.create_trial(value=error, params=design, distributions=ranges)
        for design, error in zip(designs, errors, strict=True)
    )
    evaluator = optuna.importance.PedAnovaImportanceEvaluator()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns that it is experimental
        return optuna.importance.get_param_importances(study, evaluator=evaluator)


@pytest.mark.skipif(
    int(version("optuna").partition(".")[0]) < 5, reason="Optuna 5 estimates densities otherwise"
)
@pytest.mark.parametrize("count", [5, 11, 64, 300])
def test_importances_are_those_of_optuna(count):
    stream = np.random.default_rng(count)
    for digits in (1, 2, 9):
        designs = [{"width": float(w), "depth": float(d), "ratio": float(r)} for w, d, r in zip(
            stream.random(count), stream.integers(0, 30, count), stream.integers(0, 2, count),
            strict=True)]  # fmt: skip
        errors = stream.random(count).round(digits).tolist()
        assert importances(designs, errors) == pytest.approx(
            _by_optuna(designs, errors), rel=1e-9, abs=1e-12
        )


def test_the_chance_of_an_importance_is_that_of_shuffled_errors():
    designs, errors = _random_designs(24)
    found = importance_tests(designs, errors)["width"]
    points, draws = on_grid([one["width"] for one in designs]), 2000

    def divergence(errors):
        (value,) = divergences(counted(points), counted(points[best_networks(errors)])[None])
        return value

    stream, value = np.random.default_rng(9), divergence(errors)
    reached = sum(divergence(stream.permutation(errors)) >= value - 1e-12 for _ in range(draws))
    assert found.p_value == pytest.approx(reached / draws, abs=4 * math.sqrt(0.25 / draws))


def test_an_importance_is_significant_among_the_tests_of_a_large_report():
    designs, _ = _random_designs()
    errors = [one["width"] for one in designs]
    spaces = {f"space {number}": errors for number in range(30)}
    pairs = [(f"space {number}", f"space {number + 1}") for number in range(29)]
    found = find(spaces, pairs, dict.fromkeys(spaces, designs))
    assert found.tests == 29 * 6 + 30 * 2
    assert all(own["width"].p_value < 0.05 for own in found.importances.values())
    assert all(own["depth"].p_value > 0.05 for own in found.importances.values())


def test_nothing_is_important_where_nothing_differs():
    assert importances([{"width": 1.0}] * 5, [0.1, 0.2, 0.3, 0.4, 0.5]) == {}
