"""Initial weights, and the error that counts, as settings of a study."""

from dataclasses import replace

import pytest

from common.errors import ConfigError
from common.studies import StudyConfig
from tests.common.studies.conftest import CONFIG


def test_settings_that_version_0_1_lacks_are_stored_only_if_they_are_set():
    assert not {"init", "error_of"} & CONFIG.to_dict().keys()
    changed = replace(CONFIG, init="he", error_of="least")
    assert StudyConfig.from_dict(changed.to_dict()) == changed


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"init": "ones"}, "init: must be one of xavier, he"),
        ({"error_of": "first"}, "error_of: must be one of last, least; got 'first'"),
    ],
)
def test_unknown_settings_are_refused(changed, message):
    with pytest.raises(ConfigError, match=message):
        replace(CONFIG, **changed)
