"""Second derivatives take what `logits` takes, and are those of a gradient penalty."""

import numpy as np
import pytest

from common import AnyNetSpec, reference
from common.arch import parameters
from common.errors import BackendError, DataError, WeightsError
from common.weights import initial_weights

_SPEC = AnyNetSpec.from_arch(((1, 8, 4, 1),), 8, num_classes=5)
_IMAGES = np.random.default_rng(0).random((4, 1, 8, 8)).astype(np.float32)
_LABELS = np.array([0, 1, 2, 4], np.int32)
_BIAS = "head.fc.bias"


@pytest.fixture(autouse=True)
def _curved(backend):
    if not backend.SUPPORTS_SECOND_DERIVATIVES:
        pytest.skip("this framework has no second derivatives")


def _direction():
    stream = np.random.default_rng(1)
    return {
        name: stream.standard_normal(shape).astype(np.float32)
        for name, shape in parameters(_SPEC).items()
    }


def _assert_equal(found, expected):
    assert found.keys() == expected.keys()
    assert [name for name in found if not np.array_equal(found[name], expected[name])] == []


_KINDS = {
    "negative strides": lambda x: np.ascontiguousarray(x[::-1])[::-1],
    "big-endian": lambda x: x.astype(x.dtype.newbyteorder(">")),
    "wider": lambda x: x.astype(f"{x.dtype.kind}8"),
    "a list": lambda x: x.tolist(),
}


@pytest.mark.parametrize("kind", _KINDS)
def test_images_labels_and_directions_are_converted(backend, kind):
    network, convert, direction = backend.create(_SPEC), _KINDS[kind], _direction()
    expected = backend.hessian_product(network, _IMAGES, _LABELS, direction)
    converted = {name: convert(array) for name, array in direction.items()}
    found = backend.hessian_product(network, convert(_IMAGES), convert(_LABELS), converted)
    _assert_equal(found, expected)


def test_a_module_alone_has_the_second_derivatives_of_its_seed(backend):
    module, network = backend.AnyNet.from_spec(_SPEC, seed=3), backend.create(_SPEC, seed=3)
    products = [
        backend.hessian_product(each, _IMAGES, _LABELS, _direction()) for each in (module, network)
    ]
    _assert_equal(*products)


def test_a_network_written_by_hand_has_second_derivatives(backend, native):
    network = native.by_hand(backend, True)
    direction = {name: array + 1 for name, array in backend.get_weights(network).items()}
    products = backend.hessian_product(network, _IMAGES, _LABELS, direction)
    assert {n: a.shape for n, a in products.items()} == {n: a.shape for n, a in direction.items()}
    with pytest.raises(DataError, match="labels: must be from 0 to 4"):
        backend.hessian_product(network, _IMAGES, _LABELS + 1, direction)


_BAD = {
    "no network": ({"network": 7}, BackendError, "network: must be one of anynet_"),
    "channels last": ({"images": _IMAGES.transpose(0, 2, 3, 1)}, DataError, "channels first"),
    "no images": ({"images": _IMAGES[:0], "labels": _LABELS[:0]}, DataError, "one at least"),
    "a label too large": ({"labels": _LABELS + 1}, DataError, "labels: must be from 0 to 4"),
    "too few labels": ({"labels": _LABELS[:3]}, DataError, r"one for each image.*got \(3,\)"),
    "half a direction": ({"direction": {_BIAS: np.ones(5)}}, WeightsError, "direction: .*missing"),
    "another shape": (
        {"direction": _direction() | {_BIAS: np.ones(1)}}, WeightsError, r"must have shape \(5,\)",
    ),
    "no direction": ({"direction": None}, WeightsError, "direction: must be arrays by name"),
}  # fmt: skip


@pytest.mark.parametrize(("changed", "error", "message"), _BAD.values(), ids=_BAD)
def test_anything_else_is_one_error(backend, changed, error, message):
    arguments = {"images": _IMAGES, "labels": _LABELS, "direction": _direction(), **changed}
    network = arguments.pop("network", None) or backend.create(_SPEC)
    with pytest.raises(error, match=message):
        backend.hessian_product(network, **arguments)


def test_a_gradient_penalty_has_the_gradient_of_the_reference(backend):
    """Half of the squared gradient has the gradient H g."""
    network = backend.Learner(
        backend.create(_SPEC), (1, 8, 8), device="cpu", precision="float64"
    ).network
    truth = reference.create(_SPEC)
    reference.set_weights(truth, initial_weights(_SPEC))
    gradient = reference.gradients(truth, _IMAGES.astype(np.float64), _LABELS).gradients
    expected = reference.hessian_product(truth, _IMAGES.astype(np.float64), _LABELS, gradient)
    found = backend.hessian_product(network, _IMAGES.astype(np.float64), _LABELS, gradient)
    assert found.keys() == expected.keys()
    most = max(np.abs(array).max() for array in expected.values())
    for name, array in expected.items():
        np.testing.assert_allclose(found[name], array, rtol=1e-8, atol=1e-8 * most, err_msg=name)
