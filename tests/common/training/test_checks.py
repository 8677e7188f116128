"""What a trainer refuses before it trains."""

from dataclasses import replace

import pytest

from common.errors import ConfigError, DataError
from tests.common.training.fakes import Data, FakeTrainer, Model


@pytest.mark.parametrize("stop_after", [0, -1, 1.5, "1"])
def test_an_epoch_to_stop_after_is_a_positive_integer(stop_after):
    with pytest.raises(ConfigError, match="stop_after: must be "):
        FakeTrainer(2, 0, progress=False, stop_after=stop_after).fit(Model(), Data())


def test_a_preprocessing_that_training_does_not_apply_is_refused():
    class Normalised(Data):
        preprocessing = replace(Data.preprocessing, mean=(0.5,))

    with pytest.raises(DataError, match="data: preprocessing must stretch images bilinearly"):
        FakeTrainer(1).fit(Model(), Normalised())
