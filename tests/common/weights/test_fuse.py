"""Batch norms fused, in the precision of the reference."""

import numpy as np
import pytest
from hypothesis import given, settings

from common import reference
from common.weights import check_arrays, fuse_weights, load_weights, save_weights
from tests.inference import SPECS, random_images, relative_error, trained_weights
from tests.specs import specs


def _logits(spec, arrays, images):
    network = reference.Network(spec, {})
    reference.set_weights(network, arrays)
    return reference.layer_outputs(network, images)["head.fc"]


@settings(max_examples=20, deadline=None)
@given(specs())
def test_fused_networks_have_the_same_logits(spec):
    arrays = {name: array.astype(np.float64) for name, array in trained_weights(spec).items()}
    images = random_images(spec, 9)
    found = _logits(*fuse_weights(spec, arrays), images)
    assert relative_error(found, _logits(spec, arrays, images)) < 1e-10


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_fused_arrays_are_those_of_their_plan_in_their_precision(spec):
    fused_spec, fused = fuse_weights(spec, trained_weights(spec))
    assert list(check_arrays(fused_spec, fused, "fused")) == list(fused)


def test_folding_changes_no_array_in_place():
    arrays = trained_weights(SPECS["squeezed"])
    fuse_weights(SPECS["squeezed"], arrays)
    fresh = trained_weights(SPECS["squeezed"])
    assert [name for name in fresh if not np.array_equal(arrays[name], fresh[name])] == []


def test_a_fused_network_comes_back_from_its_file(tmp_path):
    spec, arrays = fuse_weights(SPECS["squeezed"], trained_weights(SPECS["squeezed"]))
    save_weights(tmp_path / "fused.safetensors", spec, arrays)
    loaded_spec, loaded = load_weights(tmp_path / "fused.safetensors")
    assert loaded_spec == spec
    assert [name for name in arrays if not np.array_equal(arrays[name], loaded[name])] == []
