"""Statistics against what is known in closed form."""

import math
from itertools import product

import numpy as np
import pytest
from scipy import stats

from common.statistics import (
    ConfidenceInterval,
    agreements,
    band,
    best_of,
    compare,
    distribution,
    good_range,
    holm,
    importance_chances,
    importances,
    mean_error,
    nowhere_behind,
)

_ERRORS = [0.3, 0.1, 0.2, 0.2]


def test_the_distribution_function_is_the_share_of_networks_up_to_an_error():
    assert distribution(_ERRORS, [0.05, 0.1, 0.2, 0.3]).tolist() == [0, 0.25, 0.75, 1]


def test_the_band_is_around_the_distribution_function():
    errors = np.random.default_rng(0).normal(0.2, 0.02, 100)
    grid = np.quantile(errors, [0.1, 0.5, 0.9])
    low, high = band(errors, grid)
    # The binomial's standard deviation, twice on each side.
    share = distribution(errors, grid)
    expected = 1.96 * np.sqrt(share * (1 - share) / 100)
    np.testing.assert_allclose(high - share, expected, atol=0.015)
    np.testing.assert_allclose(share - low, expected, atol=0.015)


@pytest.mark.parametrize("k", [1, 2, 3])
def test_the_best_of_k_is_the_mean_over_all_draws(k):
    draws = [min(draw) for draw in product(_ERRORS, repeat=k)]
    assert best_of(_ERRORS, k) == pytest.approx(sum(draws) / len(draws))


def test_the_mean_has_the_range_of_its_standard_error():
    errors = np.random.default_rng(1).normal(0.2, 0.02, 400)
    found = mean_error(errors)
    assert found.middle == errors.mean()
    assert found.high - found.low == pytest.approx(2 * 1.96 * errors.std() / 20, rel=0.05)


def test_ranges_of_means_are_those_of_scipys_bootstrap():
    groups = [np.random.default_rng(n).random(n) for n in (12, 20)]

    def expected(data, statistic):
        options = {"n_resamples": 10_000, "method": "percentile"}
        found = stats.bootstrap(data, statistic, **options, random_state=np.random.default_rng(0))
        return pytest.approx(tuple(found.confidence_interval), rel=1e-12)

    mean = mean_error(groups[0])
    (pair,) = compare(dict(zip("ab", groups, strict=True)), [("a", "b")])
    apart = pair.mean_difference
    assert (mean.low, mean.high) == expected(groups[:1], np.mean)
    assert (apart.low, apart.high) == expected(
        groups, lambda first, second, axis: second.mean(axis) - first.mean(axis)
    )


def test_the_mean_of_a_single_network_is_its_error():
    assert mean_error([0.5]) == ConfidenceInterval(0.5, 0.5, 0.5)


def test_the_range_of_good_networks_is_where_the_errors_are_least():
    values = np.linspace(0, 1, 200)
    found = good_range(values, (values - 0.7) ** 2)
    assert found.low < 0.7 < found.high
    assert found.middle == pytest.approx(0.7, abs=0.02)
    assert found.high - found.low < 0.2


def test_the_range_of_a_parameter_that_does_not_matter_is_wide():
    stream = np.random.default_rng(2)
    found = good_range(stream.random(400), stream.random(400))
    assert found.high - found.low > 0.5


def test_holm_is_the_textbooks():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_holm_never_gives_more_than_one():
    assert holm([0.9, 0.8]) == [1.0, 1.0]


def _pairs(**errors):
    return compare(errors, [("a", "b")])[0]


def test_a_space_that_is_better_everywhere_majorises():
    stream = np.random.default_rng(3)
    found = _pairs(a=stream.normal(0.2, 0.01, 64), b=stream.normal(0.18, 0.01, 64))
    assert found.verdict == "b majorises a to within 0.1"
    assert found.ahead > 0.5
    assert found.mean_difference.middle == pytest.approx(-0.02, abs=0.005)
    assert found.mean_difference.low < found.mean_difference.middle < found.mean_difference.high < 0


def test_a_space_that_is_worse_everywhere_is_majorised():
    stream = np.random.default_rng(3)
    found = _pairs(a=stream.normal(0.18, 0.01, 64), b=stream.normal(0.2, 0.01, 64))
    assert found.verdict == "a majorises b to within 0.1"


@pytest.fixture
def without_means(monkeypatch):
    """The bootstrap of the means, on which no verdict depends, takes most of the time."""
    monkeypatch.setattr("common.statistics.comparison.mean_difference", lambda *errors: None)


def _verdicts(make, count=100):
    stream = np.random.default_rng(0)
    return [_pairs(**dict(zip("ab", make(stream), strict=True))).verdict for _ in range(count)]


def _often_better(worse):
    """Of b, so many are far behind all of a, and the others far ahead."""

    def make(stream):
        good = stream.random(64) < 1 - worse
        return stream.normal(0.15, 0.01, 64), np.where(good, stream.normal(0.13, 0.01, 64), 0.3)

    return make


def _better_by(deviations):
    return lambda stream: (
        stream.normal(0.15, 0.01, 64),
        stream.normal(0.15 - 0.01 * deviations, 0.01, 64),
    )


@pytest.mark.usefixtures("without_means")
def test_a_space_that_is_far_behind_in_a_fifth_of_its_networks_majorises_nothing():
    assert not any("majorises" in verdict for verdict in _verdicts(_often_better(0.2)))


@pytest.mark.usefixtures("without_means")
def test_at_the_margin_a_space_seldom_majorises():
    # At most 5 % in the long run; more than 11 of 100 have a probability of less than 0.5 %.
    assert sum("majorises" in verdict for verdict in _verdicts(_often_better(0.1))) <= 11


@pytest.mark.usefixtures("without_means")
def test_what_is_ahead_without_being_shown_nowhere_behind_is_called_so():
    assert set(_verdicts(_often_better(0.15), 40)) <= {
        "b is ahead of a somewhere; behind elsewhere is not excluded",
        "the curves cross",
    }


@pytest.mark.usefixtures("without_means")
@pytest.mark.parametrize(("deviations", "least"), [(0.5, 45), (0.75, 80), (1, 95)])
def test_a_space_that_is_better_everywhere_is_mostly_found_to_majorise(deviations, least):
    found = _verdicts(_better_by(deviations))
    assert found.count("b majorises a to within 0.1") >= least


@pytest.mark.parametrize("count", [(64, 64), (40, 100)])
def test_the_least_p_value_of_nowhere_behind_is_that_of_the_margin_alone(count):
    better, worse = np.zeros(count[0]), np.ones(count[1])
    # At the ends both shares are 0, or 1; at the margin they would be 0 and 0.1, or 0.9 and 1.
    expected = math.erfc(math.sqrt(min(count) * 0.1 / 0.9 / 2)) / 2
    assert nowhere_behind(better, worse) == pytest.approx(expected, rel=1e-6)


def test_the_score_test_is_that_of_its_maximised_likelihood():
    # 52 of 64 against 56 of 80: the likeliest shares that are 0.1 apart, by brute force.
    better, worse = np.repeat([0.0, 1.0], [52, 12]), np.repeat([0.0, 1.0], [56, 24])
    shares = np.linspace(1e-6, 0.9 - 1e-6, 400_001)
    likelihood = (
        52 * np.log(shares) + 12 * np.log(1 - shares)
        + 56 * np.log(shares + 0.1) + 24 * np.log(0.9 - shares)
    )  # fmt: skip
    best = shares[likelihood.argmax()]
    deviation = math.sqrt(best * (1 - best) / 64 + (best + 0.1) * (0.9 - best) / 80)
    at_zero = math.erfc((52 / 64 - 56 / 80 + 0.1) / deviation / math.sqrt(2)) / 2
    ends = (
        math.erfc(math.sqrt(80 * 0.1 / 0.9 / 2)) / 2,
        math.erfc(math.sqrt(64 * 0.1 / 0.9 / 2)) / 2,
    )
    assert nowhere_behind(better, worse) == pytest.approx(max(at_zero, *ends), rel=1e-4)


def test_curves_that_cross_are_called_so():
    stream = np.random.default_rng(4)
    found = _pairs(a=stream.normal(0.2, 0.03, 200), b=stream.normal(0.2, 0.005, 200))
    assert found.verdict == "the curves cross"


@pytest.mark.usefixtures("without_means")
def test_two_samples_of_one_space_are_seldom_told_apart():
    stream = np.random.default_rng(5)
    told = sum(
        _pairs(a=stream.normal(0.2, 0.02, 64), b=stream.normal(0.2, 0.02, 64)).verdict
        != "no difference shown"
        for _ in range(200)
    )
    # Of 200 at the level of 5 %: more than 20 have a probability of one in a thousand.
    assert told <= 20


def test_the_p_value_is_that_of_a_permutation_test():
    stream = np.random.default_rng(6)
    a, b = stream.normal(0.2, 0.02, 12), stream.normal(0.19, 0.02, 12)
    found = _pairs(a=a, b=b)
    both, grid = np.concatenate([a, b]), np.concatenate([a, b])
    count, draws = 0, 4000
    for _ in range(draws):
        drawn = stream.permutation(both)
        ahead = (distribution(drawn[12:], grid) - distribution(drawn[:12], grid)).max()
        count += ahead >= found.ahead - 1e-12
    single = min(1.0, found.p_ahead / 2)  # Holm doubled the smaller one of two
    assert single == pytest.approx(count / draws, abs=4 * math.sqrt(0.25 / draws))


def test_the_parameter_that_decides_is_the_most_important_one():
    stream = np.random.default_rng(7)
    designs = [{"width": float(w), "depth": float(d), "fixed": 1.0}
               for w, d in stream.random((200, 2))]  # fmt: skip
    found = importances(designs, [(one["width"] - 0.6) ** 2 for one in designs])
    assert list(found) == ["width", "depth"]
    assert found["width"] > 0.8
    assert sum(found.values()) == pytest.approx(1)


def test_importances_of_shuffled_errors_are_no_more_than_chance():
    stream = np.random.default_rng(8)
    designs = [{"width": float(w), "depth": float(d)} for w, d in stream.random((64, 2))]
    chances = importance_chances(designs, stream.random(64).tolist(), shuffles=19)
    assert min(chances.values()) > 0.05


def test_the_importance_of_the_parameter_that_decides_is_more_than_chance():
    stream = np.random.default_rng(8)
    designs = [{"width": float(w), "depth": float(d)} for w, d in stream.random((64, 2))]
    chances = importance_chances(designs, [one["width"] for one in designs], shuffles=19)
    assert chances["width"] == 0.05
    assert chances["depth"] > 0.05


def test_importances_are_ped_anovas_whatever_optunas_default_is(monkeypatch):
    import optuna

    def default(*arguments, **named):
        raise AssertionError("the default evaluator was taken")

    monkeypatch.setattr(optuna.importance.FanovaImportanceEvaluator, "evaluate", default)
    designs = [{"width": float(w), "depth": float(w % 3)} for w in range(20)]
    assert set(importances(designs, list(range(20)))) == {"width", "depth"}


def test_nothing_is_important_where_nothing_differs():
    assert importances([{"width": 1.0}] * 5, [0.1, 0.2, 0.3, 0.4, 0.5]) == {}


def test_a_ranking_that_stays_agrees_wholly():
    (found,) = agreements([(0.5, 0.1), (0.6, 0.2), (0.7, 0.3), (0.8, 0.4)])
    assert (found.epoch, found.spearman, found.kendall, found.kept) == (1, 1, 1, 1)


def test_a_ranking_that_turns_round_disagrees_wholly():
    (found,) = agreements([(0.8, 0.1), (0.7, 0.2), (0.6, 0.3), (0.5, 0.4)])
    assert found.spearman == pytest.approx(-1)
    assert found.kept == 0


def test_two_networks_have_no_ranking_to_speak_of():
    assert agreements([(0.8, 0.1), (0.7, 0.2)]) == []
