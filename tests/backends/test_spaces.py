"""Networks of every design space in each framework."""

from functools import cache

import numpy as np
import pytest

from common import count, reference
from common.parity import Case
from common.parity.quantities import FLOAT32_OUTPUTS
from common.spaces import SPACES

_SIZE = 28
_EVERY_CHANGE = ("AnyNetXA", "RegNetY", "RegNetX-small", "ResNet", "Vanilla-small", "MLP")
"""Every kind of block and of space; to a backend, networks of the others are of the same kinds."""


@cache
def _case(name):
    """The cheapest of many networks of a space, and two random images."""
    population = SPACES[name].sample(2000, seed=0)
    cheapest = int(population.costs(_SIZE).flops.argmin())
    return Case(name, population[cheapest], image_size=_SIZE, batch=2)


@pytest.mark.parametrize(
    "space",
    [
        pytest.param(name, marks=() if name in _EVERY_CHANGE else pytest.mark.full)
        for name in SPACES
    ],
)
def test_networks_of_a_space_agree_with_the_plan_and_the_reference(backend, native, space):
    case = _case(space)
    assert SPACES[space].contains(case.spec)
    network, expected = (one.create(case.spec, init="zeros") for one in (backend, reference))
    for one, its_network in ((backend, network), (reference, expected)):
        one.set_weights(its_network, case.arrays())
    images = case.inputs().astype(np.float32)
    logits = backend.logits(network, images)
    right = reference.layer_outputs(expected, images)["head.fc"]
    assert native.trainable(network) == count(case.spec, _SIZE).params
    assert np.abs(logits - right).max() < FLOAT32_OUTPUTS * np.abs(right).max()
