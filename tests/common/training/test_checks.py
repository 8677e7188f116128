"""What a trainer refuses before it trains."""

import numpy as np
import pytest

from common.errors import ConfigError, DataError
from tests.common.training.fakes import Data, FakeTrainer, Model


@pytest.mark.parametrize("stop_after", [0, -1, 1.5, "1"])
def test_an_epoch_to_stop_after_is_a_positive_integer(stop_after):
    with pytest.raises(ConfigError, match="stop_after: must be "):
        FakeTrainer(2, 0, progress=False, stop_after=stop_after).fit(Model(), Data())


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 1, 2, 10], "labels: must be from 0 to 9, .* got 0 to 10"),
        ([0, 1, 2, -1], "labels: must be from 0 to 9, .* got -1 to 2"),
        ([0, 1, 2], r"labels: must be one for each image, of shape \(4,\); got \(3,\)"),
        (None, "data: val_batches must give at least one batch; got none"),
    ],
)
def test_validation_labels_that_do_not_fit_are_data_errors(labels, message):
    class Odd(Data):
        def val_batches(self):
            if labels is not None:
                yield np.zeros((4, 1, 2, 2), np.uint8), np.array(labels)

    with pytest.raises(DataError, match=f"^{message}"):
        FakeTrainer(1).fit(Model(), Odd())
