"""Tests of means, location, dominance and equivalence: what they are, and how often they err."""

import math
from itertools import combinations

import numpy as np
import pytest
from click.testing import CliRunner
from scipy import stats

from common.cli import main
from common.errors import ConfigError
from common.statistics import (
    compare,
    complexity_weights,
    coverage,
    distribution,
    dominance,
    equivalence,
    location_test,
    mean_test,
    networks_needed,
    normalise,
    weighted_distribution,
)
from common.statistics.inference import RANGE
from common.statistics.power import DOMINATED, SCENARIOS

DRAWS = 300


def _rate(test, make, networks=64, draws=DRAWS):
    """How often a test has a p-value below 0.05 on simulated pairs."""
    stream = np.random.default_rng(0)
    return np.mean([test(*make(networks, stream)) < 0.05 for _ in range(draws)])


def _second_dominates(first, second):
    return dominance(second, first)


# More than 30 of 300 at the level of 5 % have a probability of less than 0.05 %.
@pytest.mark.parametrize("networks", [24, 64, 200])
@pytest.mark.parametrize("name", list(SCENARIOS)[:DOMINATED])
def test_what_does_not_dominate_is_seldom_said_to(name, networks):
    assert _rate(_second_dominates, SCENARIOS[name][0], networks) <= 0.05
    assert _rate(dominance, SCENARIOS[name][0], networks) <= 0.05


def test_at_the_edge_of_dominance_the_level_is_kept():
    def touching(networks, stream):
        """Far ahead but for the median, where both shares are equal."""
        low, high = (stream.random(networks) < 0.5 for _ in range(2))
        first = np.where(
            low, stream.uniform(0.12, 0.15, networks), stream.uniform(0.18, 0.2, networks)
        )
        second = np.where(
            high, stream.uniform(0.1, 0.11, networks), stream.uniform(0.15, 0.16, networks)
        )
        return first, second

    assert _rate(_second_dominates, touching, 200) <= 0.1


@pytest.mark.parametrize(
    ("deviations", "networks", "least"), [(1, 64, 0.7), (0.5, 200, 0.6), (0.5, 500, 0.95)]
)
def test_dominance_is_found_where_it_is(deviations, networks, least):
    def better(n, stream):
        return stream.normal(0, 1, n), stream.normal(-deviations, 1, n)

    assert _rate(_second_dominates, better, networks, 100) >= least


def test_dominance_is_the_largest_p_value_of_score_tests_within_the_range():
    stream = np.random.default_rng(1)
    a, b = stream.normal(0, 1, 30), stream.normal(0.3, 1, 50)
    both = np.sort(np.concatenate([a, b]))
    low, high = both[math.ceil(RANGE[0] * 80) - 1], both[math.ceil(RANGE[1] * 80) - 1]
    p_values = []
    for error in both[(low <= both) & (both <= high)]:
        ahead = (a <= error).mean() - (b <= error).mean()
        share = (both <= error).mean()
        p_values.append(stats.norm.sf(ahead / math.sqrt(share * (1 - share) * (1 / 30 + 1 / 50))))
    assert dominance(a, b) == pytest.approx(max(p_values))


def test_equal_errors_do_not_dominate():
    assert dominance([0.1] * 10, [0.1] * 20) == 0.5


def test_the_test_of_means_is_that_of_all_permutations():
    a, b = np.array([0.1, 0.14, 0.2, 0.22]), np.array([0.12, 0.07, 0.05, 0.11])
    both = np.concatenate([a, b])
    apart = []
    for chosen in combinations(range(8), 4):
        second, first = both[list(chosen)], np.delete(both, chosen)
        deviation = math.sqrt((first.var(ddof=1) + second.var(ddof=1)) / 4)
        apart.append(abs(second.mean() - first.mean()) / deviation)
    found, p_value = mean_test(a, b)
    assert found == pytest.approx(b.mean() - a.mean())
    observed = abs(stats.ttest_ind(a, b, equal_var=False).statistic)
    assert p_value == pytest.approx(np.mean(np.array(apart) >= observed - 1e-9), abs=0.02)


def test_groups_of_equal_errors_are_told_apart_by_their_means():
    assert mean_test([0.2] * 30, [0.1] * 30, resamples=999) == pytest.approx((-0.1, 1e-3))
    assert mean_test([0.1] * 10, [0.1] * 20) == (0.0, 1.0)


def test_the_test_of_location_is_the_share_of_pairs():
    a, b = np.array([0.1, 0.2, 0.3]), np.array([0.1, 0.15])
    chance, p_value = location_test(a, b)
    pairs = [(0.5 if x == y else float(y < x)) for x in a for y in b]
    assert chance == pytest.approx(np.mean(pairs))
    assert 0 < p_value <= 1


@pytest.mark.parametrize("test", ["mean", "location"])
def test_equal_spaces_are_seldom_told_apart(test):
    def p_value(a, b):
        return mean_test(a, b, resamples=199)[1] if test == "mean" else location_test(a, b)[1]

    assert _rate(p_value, SCENARIOS["equal"][0]) <= 0.1


@pytest.mark.parametrize("name", list(SCENARIOS)[:4])
def test_equal_means_are_seldom_told_apart_whatever_else_differs(name):
    def p_value(a, b):
        return mean_test(a, b, resamples=199)[1]

    assert SCENARIOS[name][1] == 0
    assert _rate(p_value, SCENARIOS[name][0]) <= 0.1


def test_the_test_of_equivalence_is_two_t_tests():
    stream = np.random.default_rng(3)
    a, b = stream.normal(0.15, 0.01, 30), stream.normal(0.152, 0.02, 50)
    lower = stats.ttest_ind(b + 0.01, a, equal_var=False, alternative="greater").pvalue
    upper = stats.ttest_ind(b - 0.01, a, equal_var=False, alternative="less").pvalue
    assert equivalence(a, b, 0.01) == pytest.approx(max(lower, upper))


@pytest.mark.parametrize(("shift", "least", "most"), [(0, 0.9, 1), (0.5, 0, 0.1)])
def test_only_means_that_differ_by_less_are_said_to(shift, least, most):
    def apart(n, stream):
        return stream.normal(0, 1, n), stream.normal(shift, 1, n)

    assert least <= _rate(lambda a, b: equivalence(a, b, 0.5), apart, 100) <= most


@pytest.mark.parametrize(("second", "p_value"), [([0.1], 1), ([0.1, 0.1], 0), ([0.3, 0.3], 1)])
def test_errors_without_variance_are_equivalent_or_not(second, p_value):
    assert equivalence([0.1, 0.1, 0.1], second) == p_value


def test_all_tests_of_a_table_are_corrected_together():
    stream = np.random.default_rng(2)
    errors = {name: stream.normal(0.2 - 0.01 * place, 0.02, 40) for place, name in enumerate("abc")}
    (alone,) = compare(errors, [("a", "b")])
    together = compare(errors, [("a", "b"), ("b", "c"), ("a", "c")])
    assert together[0].p_mean > alone.p_mean
    assert alone.networks == (40, 40)
    assert alone.better == "b"


def _normal(mean, deviation=0.01, count=64):
    return lambda stream: stream.normal(mean, deviation, count)


@pytest.mark.parametrize(
    ("second", "verdict"),
    [
        (_normal(0.12), "b majorises a from the 10th to the 90th percentile (n = 64 and 64)"),
        (
            _normal(0.1435),
            "the mean error of b is smaller; dominance is not shown (n = 64 and 64)",
        ),
        (
            _normal(0.14, 0.04, 300),
            "the curves cross; the mean error of b is smaller (n = 64 and 300)",
        ),
        (_normal(0.151), "no difference shown (n = 64 and 64)"),
        (_normal(0.15, 0.011, 600), "the means differ by less than 0.5 % (n = 64 and 600)"),
    ],
    ids=["far", "near", "crossing", "equal", "equivalent"],
)
def test_a_verdict_says_what_the_tests_show(second, verdict):
    stream = np.random.default_rng(0)
    (found,) = compare({"a": stream.normal(0.15, 0.01, 64), "b": second(stream)}, [("a", "b")])
    assert found.verdict == verdict


def test_weights_make_complexities_comparable():
    # Errors depend on the complexity alone, and b has more of the complex networks.
    complexities = {"a": np.repeat(np.linspace(0, 1, 11)[:-1] + 0.05, range(10, 0, -1)),
                    "b": np.repeat(np.linspace(0, 1, 11)[:-1] + 0.05, range(1, 11))}  # fmt: skip
    weights = complexity_weights(complexities)
    grid = np.linspace(0, 1, 50)
    curves = {name: weighted_distribution(1 - values, weights[name], grid)
              for name, values in complexities.items()}  # fmt: skip
    assert {name: own.sum() for name, own in weights.items()} == pytest.approx({"a": 1, "b": 1})
    np.testing.assert_allclose(curves["a"], curves["b"], atol=1e-12)
    plain = [distribution(1 - values, grid) for values in complexities.values()]
    assert np.abs(plain[0] - plain[1]).max() > 0.2


def test_normalised_means_count_every_bin_alike():
    found = normalise({"a": [0.1, 0.1, 0.3], "b": [0.2, 0.4]}, {"a": [1, 1, 2], "b": [1, 2]})
    assert found.mean == pytest.approx({"a": 0.2, "b": 0.3})
    assert found.networks == {"a": 3, "b": 2}
    assert found.effective == pytest.approx({"a": 8 / 3, "b": 2})


def test_equal_weights_give_the_plain_distribution():
    errors = [0.3, 0.1, 0.2, 0.2]
    found = weighted_distribution(errors, [0.25] * 4, [0.05, 0.1, 0.2, 0.3])
    assert found.tolist() == [0, 0.25, 0.75, 1]


def test_spaces_without_common_complexities_are_one_error():
    with pytest.raises(ConfigError, match="complexities: must overlap; got spaces without"):
        complexity_weights({"a": [1.0, 2.0], "b": [3.0, 4.0]})


@pytest.mark.parametrize("power", [0.5, 0.8])
def test_so_many_networks_find_the_difference_so_often(power):
    needed = networks_needed(0.005, 0.01, power)

    def better(n, stream):
        return stream.normal(0.15, 0.01, n), stream.normal(0.145, 0.01, n)

    found = _rate(lambda a, b: mean_test(a, b, resamples=199)[1], better, needed.mean)
    assert found == pytest.approx(power, abs=0.1)
    assert needed.location == pytest.approx(needed.mean * math.pi / 3, abs=2)


def test_more_tests_need_more_networks():
    assert networks_needed(0.005, 0.02, tests=10).mean > networks_needed(0.005, 0.02).mean


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 0.1), "difference: must be at least 1e-09; got 0"),
        ((1e-6, 0.1), "difference: must need at most 100,000 networks per space; got"),
        ((0.1, 0.1, 1), "power: must be at most 0.9999; got 1"),
    ],
    ids=str,
)
def test_a_bad_plan_is_one_error(arguments, message):
    with pytest.raises(ConfigError) as error:
        networks_needed(*arguments)
    assert message in str(error.value)


def test_the_command_tells_how_many_networks_are_needed():
    words = ["study", "power", "--difference", "0.005", "--deviation", "0.025"]
    output = CliRunner().invoke(main, words).stdout
    needed = networks_needed(0.005, 0.025)
    assert str(needed.mean) in output
    assert str(needed.equivalence) in output


def test_the_command_simulates_every_scenario():
    done = CliRunner().invoke(main, ["study", "calibrate", "--draws", "10", "--networks", "10"])
    assert done.exit_code == 0, done.output
    assert "equal means, twice" in done.stdout
    assert "interval" in done.stdout


def test_ranges_of_samples_contain_the_truth_of_a_whole_population():
    stream = np.random.default_rng(0)
    population = 0.1 + stream.gamma(2, 0.02, 5000)
    mean, curve = coverage(population, 64, 100)
    assert 0.88 <= mean <= 1
    assert 0.9 <= curve <= 1


def test_a_population_without_networks_is_one_error():
    with pytest.raises(ConfigError, match="population: must be at least 1; got 0"):
        coverage([], 64)
