"""Several studies as one, for their report."""

from dataclasses import replace

import pytest

from common.errors import ConfigError
from common.spaces import SPACES
from common.studies import Result, SampledNetwork, Told, put_together
from common.studies.networks import draw_all
from tests.common.studies.conftest import CONFIG

OTHER = replace(
    CONFIG,
    spaces=(SPACES["AnyNetXE-small"], SPACES["RegNetX-small"]),
    networks=2,
    training=replace(CONFIG.training, epochs=5, learning_rate=0.2),
)


def _told(name, config):
    results = [Result(network, "complete", 1, 1, 1, 0.5) for network in draw_all(config)]
    return Told(name, config, results)


@pytest.fixture
def both():
    return put_together([_told("one", CONFIG), _told("two", OTHER)])


def test_spaces_whose_names_repeat_are_called_after_their_study(both):
    names = ["AnyNetXA-small", "one.AnyNetXE-small", "two.AnyNetXE-small", "RegNetX-small"]
    assert [space.name for space in both.config.spaces] == names
    assert [result.network.space for result in both.results].count("two.AnyNetXE-small") == 2
    assert len(both.results) == 10
    assert both.of_space["two.AnyNetXE-small"] == OTHER


def test_settings_that_differ_are_told(both):
    assert both.differences == [
        "epochs: 2 in one, 5 in two",
        "learning_rate: 0.05 in one, 0.2 in two",
    ]


def test_studies_that_were_trained_alike_have_no_differences():
    other = replace(CONFIG, spaces=(SPACES["RegNetX-small"],), networks=7)
    both = put_together([_told("one", CONFIG), _told("two", other)])
    assert (both.differences, both.config.networks) == ([], 7)


def test_trainings_with_several_seeds_keep_their_network(both):
    network = SampledNetwork("AnyNetXE-small", 0, draw_all(OTHER)[0].spec)
    one = Result(network, "complete", 1, 1, 1, 0.5)
    result = replace(one, trainings=(one, one))
    renamed = put_together([Told("one", CONFIG, []), Told("two", OTHER, [result])]).results[0]
    assert {training.network.space for training in renamed.trainings} == {"two.AnyNetXE-small"}


def test_a_study_that_is_named_twice_is_refused():
    with pytest.raises(ConfigError, match="report: studies must be different; got one, one"):
        put_together([_told("one", CONFIG), _told("one", CONFIG)])
