"""The studies in docs/studies: their networks are drawn again, from records and by name."""

import csv
import json
from collections import defaultdict
from dataclasses import replace

import pytest

from common import AnyNetSpec
from common.spaces import SPACES
from common.studies import StudyConfig
from common.studies.networks import draw
from tests.documents import ROOT

_OF_THE_PAPER = ("freed", "paper")
"""Studies of the ready spaces, which have the paper's distributions; older ones are uniform."""

STUDIES = sorted(path.parent for path in (ROOT / "docs" / "studies").glob("*/study.json"))


def _config(folder):
    return StudyConfig.from_dict(json.loads((folder / "study.json").read_text()))


def _published(folder):
    """The networks of each space in the order of their index."""
    found = defaultdict(list)
    with (folder / "networks.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            assert int(row["index"]) == len(found[row["space"]])
            found[row["space"]].append(AnyNetSpec.from_json(row["spec"]))
    return found


def _drawn(space, config):
    return [network.spec for network in draw(space, 0, config.networks, config.seed)]


@pytest.mark.parametrize("folder", STUDIES, ids=lambda folder: folder.name)
def test_the_networks_of_a_published_study_are_drawn_again_from_its_record(folder):
    config, published = _config(folder), _published(folder)
    assert {space.name: _drawn(space, config) for space in config.spaces} == published


_NAMED = [
    pytest.param(folder, space, id=f"{folder.name}-{space.name}")
    for folder in STUDIES
    for space in _config(folder).spaces
    if f"{space.name}-uniform" in SPACES or folder.name in _OF_THE_PAPER
]


@pytest.mark.parametrize(("folder", "space"), _NAMED)
def test_the_networks_of_a_published_study_are_those_of_the_ready_space(folder, space):
    ready = SPACES[space.name if folder.name in _OF_THE_PAPER else f"{space.name}-uniform"]
    limited = replace(ready, limits=space.limits)
    assert replace(limited, name=space.name) == space
    assert _drawn(limited, _config(folder)) == _published(folder)[space.name]
