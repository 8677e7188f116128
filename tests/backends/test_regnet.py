"""The RegNet family in each framework."""

from functools import cache

import numpy as np
import pytest

from common import AnyNetSpec, count, reference, regnet
from common.arch import REGNETS
from common.errors import SpecError
from common.parity import Case
from common.parity.quantities import FLOAT32_OUTPUTS
from common.weights import initial_weights

_SMALL = AnyNetSpec.from_arch(((2, 16, 8, 1), (1, 24, 8, 1)), 8, 5, 3, se_ratio=0.25)


@cache
def _case(name):
    """One random image at the paper's size, every bias and statistic off its default."""
    return Case(name, regnet(name), image_size=224, batch=1)


@cache
def _expected(name):
    """Logits of the NumPy reference, computed once per session."""
    case = _case(name)
    network = reference.create(case.spec, init="zeros")
    reference.set_weights(network, case.arrays())
    return reference.layer_outputs(network, case.inputs().astype(np.float32))["head.fc"]


_EVERY_CHANGE = ("regnetx_200mf", "regnetx_32gf", "regnety_400mf", "regnety_32gf")
"""The smallest and the largest of both families; a backend has no code for any one of them."""


def _with_the_rest_in_full(models):
    return [
        pytest.param(model, marks=() if model in _EVERY_CHANGE else pytest.mark.full)
        for model in models
    ]


@pytest.mark.parametrize("model", _with_the_rest_in_full(REGNETS))
def test_trainable_parameters_are_the_published_ones(backend, native, model):
    spec = regnet(model)
    assert native.planned(backend, spec) == count(spec, 224).params


@pytest.mark.parametrize(
    "model",
    [
        "regnetx_200mf",
        pytest.param("regnety_400mf", marks=pytest.mark.bare("torch", "mx", "tf")),
        *(
            pytest.param(model, marks=pytest.mark.full)
            for model in ("regnetx_3.2gf", "regnety_1.6gf")
        ),
    ],
)
def test_logits_at_224_pixels_are_the_references(backend, model):
    case = _case(model)
    network = backend.create(case.spec, init="zeros")
    backend.set_weights(network, case.arrays())
    logits, expected = backend.logits(network, case.inputs().astype(np.float32)), _expected(model)
    error = np.abs(logits - expected).max() / np.abs(expected).max()
    assert error < FLOAT32_OUTPUTS


def test_a_regnet_is_created_by_any_of_its_names(backend):
    assert backend.create("RegNetX-200MF").spec == regnet("regnetx_200mf")


def test_a_regnet_may_have_other_classes_and_channels(backend):
    network = backend.regnet("regnetx_002", num_classes=7, in_channels=1)
    assert network.spec == regnet("regnetx_200mf", num_classes=7, in_channels=1)
    arrays = backend.get_weights(network)
    assert arrays["stem.conv.weight"].shape == (32, 1, 3, 3)
    assert arrays["head.fc.weight"].shape == (7, 368)


@pytest.mark.parametrize("init", ["xavier", "he", "he_zero_gamma", "zeros"])
def test_a_network_starts_from_the_shared_draw_of_its_initialisation(backend, init):
    arrays = backend.get_weights(backend.create(_SMALL, seed=3, init=init))
    drawn = initial_weights(_SMALL, seed=3, init=init)
    assert arrays.keys() == drawn.keys()
    assert [name for name in drawn if not np.array_equal(arrays[name], drawn[name])] == []


def test_a_named_regnet_starts_from_the_seeds_draw(backend):
    arrays = backend.get_weights(backend.regnet("regnetx_200mf", 10, seed=4, init="he"))
    drawn = initial_weights(regnet("regnetx_200mf", 10), seed=4, init="he")
    assert [name for name in drawn if not np.array_equal(arrays[name], drawn[name])] == []


def test_an_unknown_initialisation_is_a_spec_error(backend):
    with pytest.raises(SpecError, match="init must be one of xavier, he"):
        backend.create(_SMALL, init="lecun")


def test_an_unknown_regnet_is_a_spec_error(backend):
    with pytest.raises(SpecError, match=r"did you mean regnety_4.0gf\?"):
        backend.regnet("regnetz_4.0gf")
