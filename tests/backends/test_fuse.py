"""Fusing batch norms into convolutions, in each framework."""

import numpy as np
import pytest

from common import count
from tests.inference import SPECS, random_images, relative_error, trained_weights

_SPECS = pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)


def _network(backend, spec):
    network = backend.create(spec)
    backend.set_weights(network, trained_weights(spec))
    return network


@_SPECS
def test_a_fused_network_has_the_same_logits(backend, spec):
    network, images = _network(backend, spec), random_images(spec, 16)
    expected = backend.logits(network, images)
    assert relative_error(backend.logits(backend.fuse(network), images), expected) < 1e-4


@_SPECS
def test_a_fused_network_has_the_parameters_of_its_plan(backend, native, spec):
    fused = backend.fuse(_network(backend, spec))
    assert not fused.spec.batch_norm
    assert native.trainable(fused) == count(fused.spec).params
    assert [name for name in backend.get_weights(fused) if ".bn" in name] == []


def test_fusing_leaves_the_network_as_it_was(backend):
    network = _network(backend, SPECS["squeezed"])
    before = backend.get_weights(network)
    backend.fuse(network)
    after = backend.get_weights(network)
    assert network.spec == SPECS["squeezed"]
    assert [name for name in before if not np.array_equal(before[name], after[name])] == []


def test_fusing_twice_changes_nothing_more(backend):
    once = backend.fuse(_network(backend, SPECS["resnext"]))
    twice = backend.fuse(once)
    ours, theirs = backend.get_weights(once), backend.get_weights(twice)
    assert once.spec == twice.spec
    assert [name for name in ours if not np.array_equal(ours[name], theirs[name])] == []


def test_a_fused_network_is_saved_and_loaded_like_any_other(backend, tmp_path):
    spec = SPECS["squeezed"]
    fused, images = backend.fuse(_network(backend, spec)), random_images(spec, 16)
    backend.save(fused, tmp_path / "fused.safetensors")
    loaded = backend.load(tmp_path / "fused.safetensors")
    assert loaded.spec == fused.spec
    assert np.array_equal(backend.logits(loaded, images), backend.logits(fused, images))
