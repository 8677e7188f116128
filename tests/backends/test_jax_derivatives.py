"""JAX's derivatives beyond the first: in every order of the modes, those of the plain formulas."""

from functools import partial

import numpy as np
import pytest

jax = pytest.importorskip("jax")
jnp = jax.numpy

from flax import linen as nn  # noqa: E402

import anynet_jax as anynet  # noqa: E402
from anynet_jax import convolution, layers  # noqa: E402
from common import AnyNetSpec  # noqa: E402

_SPEC = AnyNetSpec.from_arch(((1, 32, 16, 1),), 8, se_ratio=0.25, conv_bias=False)
_WITHIN = 1e-8


@pytest.fixture(autouse=True)
def _in_float64():
    with jax.enable_x64(True):
        yield


def _forward_over_reverse(function, x, v):
    return jax.jvp(jax.grad(function), (x,), (v,))[1]


def _reverse_over_reverse(function, x, v):
    return jax.grad(lambda x: _dot(jax.grad(function)(x), v))(x)


def _reverse_over_forward(function, x, v):
    return jax.grad(partial(_forward, function))(x, v)


def _forward(function, x, v):
    return jax.jvp(function, (x,), (v,))[1]


_PRODUCTS = [_forward_over_reverse, _reverse_over_reverse, _reverse_over_forward]


def _dot(tree, other):
    return sum(jax.tree.leaves(jax.tree.map(jnp.vdot, tree, other)))


def _run(function, *arguments):
    """The result of a function that is compiled quickly rather than well."""
    return jax.jit(function, compiler_options={"xla_backend_optimization_level": 0})(*arguments)


def _drawn(key, like):
    leaves, structure = jax.tree.flatten(like)
    draw = np.random.default_rng(key).standard_normal
    return structure.unflatten([draw(leaf.shape) for leaf in leaves])


def _assert_near(ours, right):
    def assert_near(one, other):
        np.testing.assert_allclose(one, other, rtol=_WITHIN, atol=_WITHIN * abs(other).max())

    jax.tree.map(assert_near, ours, right)


@pytest.mark.parametrize("product", _PRODUCTS)
@pytest.mark.parametrize("training", [True, False])
def test_second_derivatives_of_batch_norm_are_those_of_flaxs(training, product):
    x = 3 * np.random.default_rng(0).standard_normal((5, 3, 2, 4)) + 1
    ours = layers.BatchNorm(1e-3, 0.1, training)
    flax = nn.BatchNorm(not training, epsilon=1e-3, use_fast_variance=False)
    variables = _drawn(1, ours.init(jax.random.key(0), x))
    variables["batch_stats"] = jax.tree.map(np.exp, variables["batch_stats"])

    def total(layer, arrays):
        x, params = arrays
        y, _ = layer.apply({**variables, "params": params}, x, mutable=["batch_stats"])
        return jnp.tanh(y).sum()

    arrays = (x, variables["params"])
    direction = _drawn(2, arrays)
    totals = [partial(total, layer) for layer in (ours, flax)]
    _assert_near(*(_run(partial(product, each), arrays, direction) for each in totals))


def test_running_statistics_have_the_derivatives_of_flaxs():
    x = np.random.default_rng(0).standard_normal((5, 2, 2, 3))
    ours = layers.BatchNorm(1e-3, 0.25)
    flax = nn.BatchNorm(False, momentum=0.75, epsilon=1e-3, use_fast_variance=False)
    variables = ours.init(jax.random.key(0), x)

    def updated(layer, x):
        return layer.apply(variables, x, mutable=["batch_stats"])[1]

    _assert_near(*(_run(jax.jacrev(partial(updated, layer)), x) for layer in (ours, flax)))


@pytest.mark.parametrize("product", _PRODUCTS)
@pytest.mark.parametrize(("algorithm", "groups"), [("split", 4), ("scan", 8)])
def test_second_derivatives_of_a_convolution_are_those_of_xlas(
    algorithm, groups, product, monkeypatch
):
    monkeypatch.setattr(convolution, "_IMAGES_PER_PIECE", 2)
    arrays = _drawn(0, (np.zeros((5, 5, 4, 16)), np.zeros((3, 3, 16 // groups, 16))))
    direction = _drawn(1, arrays)

    def total(algorithm, arrays):
        return jnp.tanh(anynet.grouped_conv(*arrays, 2, groups, algorithm)).sum()

    totals = [partial(total, name) for name in (algorithm, "native")]
    _assert_near(*(_run(partial(product, each), arrays, direction) for each in totals))


def _loss_of(network, training):
    """The loss as a function of parameters and images."""
    images = np.random.default_rng(0).random((4, 12, 12, 1))
    labels, module = np.arange(4), network.module.clone(training=training)
    variables = jax.tree.map(lambda leaf: np.asarray(leaf, float), network.variables)

    def loss(arrays):
        params, images = arrays
        variables_of = {**variables, "params": params}
        logits, _ = module.apply(variables_of, images, mutable=["batch_stats"])
        return module.loss(logits, labels)

    return loss, (variables["params"], images)


def _plain(monkeypatch):
    """Networks by XLA's own convolutions and the automatic derivative of batch norm."""
    monkeypatch.setattr(convolution, "_fastest", lambda *_: "native")
    monkeypatch.setattr(layers, "_normalise_batch", layers._normalise_batch.fun)
    monkeypatch.setattr(layers, "_LARGE", 1 << 30)


_COMPUTED_AGAIN, _KEPT = 0, 1 << 30


@pytest.mark.parametrize(
    ("training", "large", "product"),
    [
        (True, _COMPUTED_AGAIN, _forward_over_reverse),
        (True, _KEPT, _reverse_over_reverse),
        pytest.param(False, _KEPT, _forward_over_reverse, marks=pytest.mark.full),
    ],
)
def test_hessian_vector_products_of_a_network_are_those_of_plain_layers(
    training, large, product, monkeypatch
):
    loss, arrays = _loss_of(anynet.create(_SPEC, seed=1), training)
    direction = _drawn(3, arrays)
    monkeypatch.setattr(layers, "_LARGE", large)
    ours = _run(partial(product, loss), arrays, direction)
    _plain(monkeypatch)
    _assert_near(ours, _run(partial(_forward_over_reverse, loss), arrays, direction))


def test_the_forward_derivative_of_a_loss_is_its_gradients():
    loss, arrays = _loss_of(anynet.create(_SPEC, seed=1), training=True)
    direction = _drawn(3, arrays)
    forward = _run(partial(_forward, loss), arrays, direction)
    _assert_near(forward, _dot(_run(jax.grad(loss), arrays), direction))


def test_a_gradient_penalty_is_differentiated_as_finite_differences_are():
    loss, (params, images) = _loss_of(anynet.create(_SPEC, seed=1), training=True)

    def penalty(images):
        return (jax.grad(lambda images: loss((params, images)))(images) ** 2).sum()

    direction, step = _drawn(4, images), 1e-6
    slope = jnp.vdot(_run(jax.grad(penalty), images), direction)
    above, below = (_run(penalty, images + sign * step * direction) for sign in (1, -1))
    np.testing.assert_allclose(slope, (above - below) / (2 * step), rtol=1e-5)
