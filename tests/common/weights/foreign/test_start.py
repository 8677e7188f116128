"""Weights to start from, with a head for the classes of the data."""

import numpy as np
import pytest
from safetensors.numpy import save_file

from common.data import ImageDescription, assumed
from common.errors import WeightsError
from common.weights import new_head, save_weights
from common.weights.foreign import starting_weights
from tests.foreign import SMALL_Y, random_arrays, state

_ARRAYS = random_arrays(SMALL_Y)


@pytest.fixture(params=["own", "timm"])
def file(request, tmp_path):
    """The same network in a file of this project, and of timm."""
    path = tmp_path / "net.safetensors"
    if request.param == "own":
        save_weights(path, SMALL_Y, _ARRAYS)
    else:
        save_file(state("timm", SMALL_Y, _ARRAYS), path)
    return path


def _differing(found, arrays):
    return [name for name in arrays if not np.array_equal(found[name], arrays[name])]


def test_a_head_of_as_many_classes_is_kept(file):
    found = starting_weights(file, SMALL_Y.num_classes, 5)
    assert found.spec == SMALL_Y
    assert _differing(found.arrays, _ARRAYS) == []


def test_a_head_of_other_classes_is_drawn_from_the_seed(file):
    found = starting_weights(file, 3, 5)
    spec, arrays = new_head(SMALL_Y, _ARRAYS, 3, 5)
    assert (found.spec, found.num_classes) == (spec, SMALL_Y.num_classes)
    assert _differing(found.arrays, arrays) == []


def test_a_trunk_without_a_head_gets_one(tmp_path):
    trunk = state("huggingface", SMALL_Y, _ARRAYS)
    save_file({n: a for n, a in trunk.items() if "classifier" not in n}, tmp_path / "a.safetensors")
    found = starting_weights(tmp_path / "a.safetensors", 10, 0)
    assert (found.spec, found.num_classes) == (SMALL_Y, None)


_NAMES = tuple("abcdefghij")


@pytest.fixture
def named(tmp_path):
    """A file of this project that says what its ten classes are called."""
    path = tmp_path / "named.safetensors"
    save_weights(path, SMALL_Y, _ARRAYS, ImageDescription(assumed(3), _NAMES))
    return path


@pytest.mark.parametrize("classes", [_NAMES, tuple("0123456789"), _NAMES[:3], ()])
def test_a_head_of_the_same_classes_is_kept_without_a_word(named, classes):
    found = starting_weights(named, 10, 5, classes)
    assert _differing(found.arrays, _ARRAYS) == []
    assert found.head == ""


def test_a_head_of_classes_in_another_order_is_reordered_aloud(named):
    found = starting_weights(named, 10, 5, _NAMES[::-1])
    for name in ("head.fc.weight", "head.fc.bias"):
        np.testing.assert_array_equal(found.arrays[name], _ARRAYS[name][::-1])
    assert _differing(found.arrays, _ARRAYS) == ["head.fc.weight", "head.fc.bias"]
    assert found.head.startswith("its outputs reordered to ['j', 'i',")


def test_a_head_of_as_many_classes_with_other_names_is_drawn_anew_aloud(named):
    found = starting_weights(named, 10, 5, (*_NAMES[:9], "z"))
    _, arrays = new_head(SMALL_Y, _ARRAYS, 10, 5)
    assert _differing(found.arrays, arrays) == []
    assert found.head.startswith("drawn anew for the classes ['a', 'b',")
    assert "; the file has ['a', 'b'," in found.head


@pytest.mark.parametrize("name", ["tim:regnety_004", "regnety_004", "runs/none"])
def test_what_is_neither_a_file_nor_a_name_is_refused(name):
    with pytest.raises(WeightsError, match=r"^weights: must be a file, a run .* timm:, hf:, torch"):
        starting_weights(name, 3, 0)
