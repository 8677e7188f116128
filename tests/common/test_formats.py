"""Files of version 0.1 are read by every later release, and those of newer formats by none."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from common import AnyNetSpec
from common.errors import AnyNetError, ConfigError, SpecError
from common.parity import read_records
from common.spaces import SPACES, find_space, space_from_dict, space_to_dict
from common.studies import Study, StudyConfig
from tests.common.training.fakes import SPEC

_GOLDEN = Path(__file__).parents[1] / "golden" / "0.1"


def test_a_study_of_version_0_1_is_opened(tmp_path):
    shutil.copy(_GOLDEN / "study.log", tmp_path)
    study = Study.open("golden", f"journal:{tmp_path / 'study.log'}")
    assert [result.network.space for result in study.results()] == ["golden"]


def test_the_settings_of_a_study_of_version_0_1_are_read():
    config = StudyConfig.from_dict(json.loads((_GOLDEN / "study.json").read_text()))
    assert (config.networks, config.training.epochs) == (1, 1)


def test_a_space_and_a_spec_of_version_0_1_are_read():
    assert find_space(_GOLDEN / "space.json").name == "golden"
    assert AnyNetSpec.from_json((_GOLDEN / "spec.json").read_text()) == SPEC


def test_parity_records_of_version_0_1_are_read():
    assert read_records(_GOLDEN / "parity").keys() == {"reference", "torch"}


@pytest.mark.parametrize(("read", "error"), [
    (lambda: AnyNetSpec.from_json(json.dumps({**SPEC.to_dict(), "format": 2})), SpecError),
    (lambda: space_from_dict({**space_to_dict(SPACES["AnyNetXA"]), "format": 2}), SpecError),
    (lambda: StudyConfig.from_dict({"format": 2}), ConfigError),
])  # fmt: skip
def test_a_newer_format_is_refused_by_name(read, error):
    with pytest.raises(error, match="must be of format 1; got 2; a newer release reads it"):
        read()


def test_a_parity_record_of_a_newer_format_is_refused_by_name(tmp_path):
    (tmp_path / "a.safetensors").write_bytes(
        save({"a": np.zeros(1)}, {"anynet parity": '{"format": 2}'})
    )
    with pytest.raises(AnyNetError, match="a.safetensors: must be of format 1; got 2; a newer"):
        read_records(tmp_path)
