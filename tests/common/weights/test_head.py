"""New heads on trained weights."""

import numpy as np

from common.weights import initial_weights, new_head
from tests.foreign import SMALL_Y, random_arrays

_ARRAYS = random_arrays(SMALL_Y)


def test_a_new_head_has_the_new_classes_and_the_draw_of_its_seed():
    spec, arrays = new_head(SMALL_Y, _ARRAYS, 7, seed=3)
    assert spec.num_classes == 7
    drawn = initial_weights(spec, seed=3)["head.fc.weight"]
    assert np.array_equal(arrays["head.fc.weight"], drawn)
    assert arrays["head.fc.bias"].shape == (7,)


def test_everything_before_a_new_head_stays():
    arrays = new_head(SMALL_Y, _ARRAYS, 7)[1]
    assert list(arrays) == list(initial_weights(SMALL_Y))
    assert [name for name in arrays if arrays[name] is not _ARRAYS[name]] == [
        "head.fc.weight",
        "head.fc.bias",
    ]
