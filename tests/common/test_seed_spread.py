"""How much of the variance of errors is said to be the seeds'."""

import numpy as np
import pytest

from common.errors import ConfigError
from common.statistics import seed_spread


def _errors(between, within, networks, seeds, stream):
    means = stream.normal(0.15, between, (networks, 1))
    return means + stream.normal(0, within, (networks, seeds))


def test_the_deviations_are_those_of_networks_and_of_seeds():
    found = seed_spread(_errors(0.02, 0.01, 4000, 3, np.random.default_rng(0)))
    assert (found.networks, found.seeds) == (4000, 3)
    assert found.between == pytest.approx(0.02, rel=0.05)
    assert found.within == pytest.approx(0.01, rel=0.05)
    assert found.share.middle == pytest.approx(1 / 3 / (4 + 1 / 3), rel=0.1)


def test_the_range_of_the_share_contains_it_in_19_of_20_draws():
    stream, inside = np.random.default_rng(1), 0
    for _ in range(300):
        share = seed_spread(_errors(0.01, 0.01, 20, 3, stream)).share
        inside += share.low <= 0.25 <= share.high
    assert inside / 300 == pytest.approx(0.95, abs=0.035)


@pytest.mark.parametrize(
    ("errors", "share"), [([[0.1, 0.1], [0.2, 0.2]], 0), ([[0.1, 0.2]] * 3, 1)]
)
def test_where_only_networks_or_only_seeds_differ_the_share_is_none_or_all(errors, share):
    found = seed_spread(errors)
    assert found.share.middle == share
    assert (found.within > 0, found.between > 0) == (share == 1, share == 0)


@pytest.mark.parametrize("errors", [[[0.1, 0.2]], [[0.1], [0.2]]], ids=["network", "seed"])
def test_a_single_network_or_seed_is_one_error(errors):
    with pytest.raises(ConfigError, match="seeds: must be two or more, of two or more networks"):
        seed_spread(errors)
