"""Studies of networks that nobody trains, in every kind of file that a study lives in."""

import shutil

import pytest

from common.spaces import SPACES
from common.studies import Study, StudyConfig
from common.training import TrainConfig

CONFIG = StudyConfig(
    (SPACES["AnyNetXA-small"], SPACES["AnyNetXE-small"]),
    networks=3,
    seed=5,
    training=TrainConfig("torch", spec=None, data="sample", epochs=2, resize=(28, 28)),
)


KINDS = {"sqlite": "studies.db", "journal": "journal:studies.log"}


def storage_url(kind, folder):
    prefix, _, name = KINDS[kind].rpartition(":")
    return f"{prefix}:{folder / name}" if prefix else str(folder / name)


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """A folder with a study in every kind of storage, to be copied: making one takes seconds."""
    folder = tmp_path_factory.mktemp("made")
    for kind in KINDS:
        Study.create("first", storage_url(kind, folder), CONFIG)
    return folder


@pytest.fixture(params=KINDS)
def url(request, tmp_path, made):
    for path in made.iterdir():
        if path.is_file():
            shutil.copy(path, tmp_path)
    return storage_url(request.param, tmp_path)


@pytest.fixture
def study(url):
    return Study.open("first", url)
