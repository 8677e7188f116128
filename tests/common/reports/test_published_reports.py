"""The pages of the published studies have the numbers of their results.json and networks.csv."""

import json

import pytest

from docs.reports import STUDIES, read_study
from tests.common.pages.test_page import Elements

_FOLDERS = [path.parent for path in sorted(STUDIES.glob("*/index.html"))]


@pytest.fixture(scope="module", params=_FOLDERS, ids=lambda folder: folder.name)
def published(request):
    """The data of a page, and the numbers of its study."""
    page = Elements((request.param / "index.html").read_text())
    numbers = json.loads((request.param / "results.json").read_text())
    return json.loads(page.scripts[0]), numbers, read_study(request.param)


def test_a_published_page_has_the_errors_of_its_study(published):
    data, numbers, _ = published
    own = data["networks"]
    for place, space in enumerate(data["spaces"]):
        errors = [error for error, other in zip(own["error"], own["space"], strict=True)
                  if other == place and error is not None]  # fmt: skip
        assert errors == pytest.approx(numbers["errors"][space], rel=1e-5)


def test_a_published_page_has_the_verdicts_of_its_study(published):
    data, numbers, _ = published
    shown = [(data["spaces"][one["first"]], data["spaces"][one["second"]], one["verdict"])
             for one in data["pairs"]]  # fmt: skip
    compared = numbers["comparisons"]
    assert shown == [(one["first"], one["second"], one["verdict"]) for one in compared]


def test_a_published_page_has_the_networks_of_its_study(published):
    data, _, (_, results) = published
    own = data["networks"]
    names = [f"{data['spaces'][place]}/{index}"
             for place, index in zip(own["space"], own["index"], strict=True)]  # fmt: skip
    assert names == [result.network.name for result in results]
    assert [sum(stage[0] for stage in stages) for stages in own["stages"]] == [
        sum(stage.depth for stage in result.network.spec.stages) for result in results
    ]
