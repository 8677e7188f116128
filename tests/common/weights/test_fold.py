"""Folding, in the precision of the reference."""

import numpy as np
import pytest
from hypothesis import given, settings

from common import reference
from common.weights import check_arrays, fold_batch_norms, load_weights, save_weights
from tests.inference import SPECS, random_images, relative_error, trained_weights
from tests.specs import specs


def _logits(spec, arrays, images):
    network = reference.Network(spec, {})
    reference.set_weights(network, arrays)
    return reference.layer_outputs(network, images)["head.fc"]


@settings(max_examples=20, deadline=None)
@given(specs())
def test_folded_networks_have_the_same_logits(spec):
    arrays = {name: array.astype(np.float64) for name, array in trained_weights(spec).items()}
    images = random_images(spec, 9)
    found = _logits(*fold_batch_norms(spec, arrays), images)
    assert relative_error(found, _logits(spec, arrays, images)) < 1e-10


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_folded_arrays_are_those_of_their_plan_in_their_precision(spec):
    folded_spec, folded = fold_batch_norms(spec, trained_weights(spec))
    assert list(check_arrays(folded_spec, folded, "folded")) == list(folded)


def test_folding_changes_no_array_in_place():
    arrays = trained_weights(SPECS["squeezed"])
    fold_batch_norms(SPECS["squeezed"], arrays)
    fresh = trained_weights(SPECS["squeezed"])
    assert [name for name in fresh if not np.array_equal(arrays[name], fresh[name])] == []


def test_a_folded_network_comes_back_from_its_file(tmp_path):
    spec, arrays = fold_batch_norms(SPECS["squeezed"], trained_weights(SPECS["squeezed"]))
    save_weights(tmp_path / "folded.safetensors", spec, arrays)
    loaded_spec, loaded = load_weights(tmp_path / "folded.safetensors")
    assert loaded_spec == spec
    assert [name for name in arrays if not np.array_equal(arrays[name], loaded[name])] == []
