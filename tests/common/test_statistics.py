"""Statistics against what is known in closed form."""

import math
from functools import partial
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
    mean_error,
)
from common.statistics.comparison import uncorrected
from common.statistics.inference import mean_test
from common.statistics.power import DOMINATED, SCENARIOS

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


_MAJORISES = "{} majorises {} from the 10th to the 90th percentile (n = 64 and 64)"


@pytest.mark.parametrize(
    ("means", "verdict"),
    [((0.2, 0.18), _MAJORISES.format("b", "a")), ((0.18, 0.2), _MAJORISES.format("a", "b"))],
    ids=["second", "first"],
)
def test_a_space_that_is_better_everywhere_majorises(means, verdict):
    stream = np.random.default_rng(3)
    found = _pairs(a=stream.normal(means[0], 0.01, 64), b=stream.normal(means[1], 0.01, 64))
    assert found.verdict == verdict
    assert max(found.ahead, found.behind) > 0.5
    apart = found.mean_difference
    assert apart.low < apart.middle < apart.high
    assert apart.middle == pytest.approx(means[1] - means[0], abs=0.005)


@pytest.fixture
def without_means(monkeypatch):
    """The bootstrap of the means, on which no verdict depends, takes much of the time."""
    monkeypatch.setattr("common.statistics.comparison.mean_difference", lambda *errors: None)
    few = partial(mean_test, resamples=199)
    monkeypatch.setattr("common.statistics.comparison.mean_test", few)


def _verdicts(make, count):
    stream = np.random.default_rng(0)
    return [_pairs(**dict(zip("ab", make(64, stream), strict=True))).verdict for _ in range(count)]


@pytest.mark.usefixtures("without_means")
@pytest.mark.parametrize("name", list(SCENARIOS)[:DOMINATED])
def test_no_verdict_says_majorises_where_nothing_dominates(name):
    assert sum("majorises" in verdict for verdict in _verdicts(SCENARIOS[name][0], 20)) <= 1


def test_curves_that_cross_are_called_so():
    stream = np.random.default_rng(4)
    found = _pairs(a=stream.normal(0.2, 0.03, 200), b=stream.normal(0.2, 0.005, 200))
    assert found.verdict == "the curves cross (n = 200 and 200)"


@pytest.mark.usefixtures("without_means")
def test_two_samples_of_one_space_are_seldom_told_apart():
    found = _verdicts(lambda n, s: (s.normal(0.2, 0.02, n), s.normal(0.2, 0.02, n)), 60)
    # Of 60 at the level of 5 %: more than 9 have a probability of one in a thousand.
    assert sum(not verdict.startswith("no difference shown") for verdict in found) <= 9


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
    (raw,) = uncorrected({"a": a, "b": b}, [("a", "b")], 0, 0.005)
    assert raw.p_ahead == pytest.approx(count / draws, abs=4 * math.sqrt(0.25 / draws))


def test_a_ranking_that_stays_agrees_wholly():
    (found,) = agreements([(0.5, 0.1), (0.6, 0.2), (0.7, 0.3), (0.8, 0.4)])
    assert (found.epoch, found.spearman, found.kendall, found.kept) == (1, 1, 1, 1)


def test_a_ranking_that_turns_round_disagrees_wholly():
    (found,) = agreements([(0.8, 0.1), (0.7, 0.2), (0.6, 0.3), (0.5, 0.4)])
    assert found.spearman == pytest.approx(-1)
    assert found.kept == 0


def test_two_networks_have_no_ranking_to_speak_of():
    assert agreements([(0.8, 0.1), (0.7, 0.2)]) == []
