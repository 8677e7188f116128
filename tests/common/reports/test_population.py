"""The networks of a study as the scripts of its page read them."""

from dataclasses import replace

import pytest

from common.arch import AnyNetSpec
from common.pages import to_json
from common.reports.population import population
from common.studies import Result, StudyConfig
from common.studies.networks import draw
from tests.common.studies.conftest import CONFIG as STUDY


@pytest.fixture(scope="module")
def results():
    """Three networks of each space, and one that failed."""
    found = [Result(network, "complete", 1000, 2000, 300, 0.25, (0.5, 0.25), (), 2.0)
             for space in STUDY.spaces for network in draw(space, 0, 3, 0)]  # fmt: skip
    return [*found[:-1], replace(found[-1], state="failed", error=None, errors=(), message="<a>")]


def _spec(data, number):
    """The spec of a network, put together as `population.js` does."""
    own = data["networks"]
    stages = [dict(zip(data["stage_fields"], row, strict=True)) for row in own["stages"][number]]
    return {**data["specs"][own["space"][number]], **own["specs"][number], "stages": stages}


@pytest.mark.parametrize("number", range(6))
def test_the_spec_of_every_network_is_in_the_page(results, number):
    data = population(STUDY, results)
    assert AnyNetSpec.from_dict(_spec(data, number)) == results[number].network.spec


def test_every_field_has_a_value_for_every_network(results):
    own = population(STUDY, results)["networks"]
    columns = [own[name] for name in own if name not in ("numbers", "remark", "labels")]
    assert {len(values) for values in [*columns, *own["numbers"].values()]} == {6}
    assert own["remark"] == {5: "<a>"}
    assert own["error"] == [0.25] * 5 + [None]


def test_errors_that_are_no_numbers_are_missing(results):
    broken = replace(results[0], error=float("nan"), errors=(float("inf"), 0.5))
    own = population(STUDY, [broken])["networks"]
    assert (own["error"], own["curves"]) == ([None], [[None, 0.5]])


def test_a_space_without_networks_and_a_study_without_any_are_no_error(results):
    assert population(STUDY, results[:3])["specs"][1] == {}
    assert population(STUDY, [])["epochs"] == []


def test_long_curves_are_thinned_to_their_last_epoch(results):
    data = population(STUDY, [replace(results[0], errors=tuple(k / 1000 for k in range(500)))])
    assert len(data["epochs"]) == len(data["networks"]["curves"][0]) == 60
    assert (data["epochs"][0], data["epochs"][-1]) == (1, 500)


def test_5000_networks_of_100_epochs_fit_into_6_mb(results):
    errors = tuple(0.123456789 + k / 1000 for k in range(100))
    whole = replace(results[0], error=0.123456789, errors=errors, flops=123456789, seconds=12.34567)
    data = population(STUDY, [whole] * 5000)
    assert len(to_json(data)) < 5_500_000


def test_the_training_is_that_of_the_study(results):
    data = population(STUDY, results)
    for training in data["training"]:
        assert StudyConfig.from_dict(STUDY.to_dict() | {"training": training}) == STUDY
