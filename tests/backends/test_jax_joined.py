"""JAX's training step without the biases that batch norms cancel."""

import re
from contextlib import nullcontext
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

jax = pytest.importorskip("jax")
jnp = jax.numpy

from flax import linen as nn  # noqa: E402
from flax.traverse_util import flatten_dict  # noqa: E402

import anynet_jax as anynet  # noqa: E402
from anynet_jax import layers  # noqa: E402
from anynet_jax.convolution import Conv  # noqa: E402
from anynet_jax.freezing import frozen_norms  # noqa: E402
from anynet_jax.joined import joined_norms  # noqa: E402
from anynet_jax.layers import BatchNorm, Chain  # noqa: E402
from common import AnyNetSpec  # noqa: E402

_SPEC = AnyNetSpec.from_arch(((1, 8, 4, 1),), 8)
_SQUEEZED = AnyNetSpec.from_arch(((1, 8, 4, 1), (1, 16, 4, 2)), 8, se_ratio=0.25)
_SPECS = {
    "squeezed": _SQUEEZED,
    "resnet stem, vr": replace(_SPEC, stem="resnet").with_block("vr"),
    "resnet": _SPEC.with_block("resnet"),
    "vanilla": _SPEC.with_block("vanilla"),
    "v": _SPEC.with_block("v"),
    "no biases": replace(_SPEC, conv_bias=False),
    "no norms": replace(_SPEC, batch_norm=False),
    "mlp": AnyNetSpec.from_arch(((1, 8), (1, 6)), 8, block="mlp", image_size=16),
}
_BARE = ("squeezed", "resnet stem, vr")
_CASES = [
    pytest.param(spec, recomputes, marks=[] if recomputes and name in _BARE else pytest.mark.full,
                 id=f"{name}{', computed again' if recomputes else ''}")
    for name, spec in _SPECS.items() for recomputes in (False, True)
]  # fmt: skip


@pytest.fixture(autouse=True)
def _in_float64():
    with jax.enable_x64(True):
        yield


def _drawn(module):
    """Variables of a module, none of them zero or one."""
    shapes = jax.eval_shape(module.init, jax.random.key(0), jnp.zeros((1, 16, 16, 1)))
    draw = np.random.default_rng(0).uniform
    return jax.tree.map(lambda leaf: draw(0.1, 0.9, leaf.shape), shapes)


def _lowered_step(module, joined, frozen=()):
    """A forward and a backward pass of a module, as a function of variables and images."""

    def loss_of(params, batch_stats, x):
        with joined_norms() if joined else nullcontext(), frozen_norms(frozenset(frozen)):
            variables = {"params": params, "batch_stats": batch_stats}
            logits, updates = module.apply(variables, x, mutable=["batch_stats"])
        return (logits**3).mean(), (logits, updates)

    def step(variables, x):
        parts = variables["params"], variables.get("batch_stats", {})
        return jax.value_and_grad(loss_of, has_aux=True)(*parts, x)

    return jax.jit(step, compiler_options={"xla_backend_optimization_level": 0})


def _step(module, joined, frozen=()):
    """Loss, logits, statistics and gradients of the step, by name."""
    x = np.random.default_rng(1).uniform(size=(6, 16, 16, 1))
    (loss, (logits, updates)), gradients = _lowered_step(module, joined, frozen)(_drawn(module), x)
    return {"loss": loss, "logits": logits, **flatten_dict(updates), **flatten_dict(gradients)}


def _additions(module, joined):
    """The additions of something of one axis to an array of four, in a forward pass."""
    variables, x = _drawn(module), jnp.zeros((6, 16, 16, 1))
    with joined_norms() if joined else nullcontext():
        jaxpr = jax.make_jaxpr(partial(module.apply, mutable=["batch_stats"]))(variables, x)
    return len(re.findall(r"\n *\w+:f64\[6,\d+,\d+,\d+\] = add \w+ \w+", str(jaxpr)))


def _assert_equal(found, expected):
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_allclose(found[name], array, 1e-9, 1e-12, err_msg=str(name))


@pytest.mark.parametrize(("spec", "recomputes"), _CASES)
def test_a_step_without_the_biases_that_batch_norms_cancel_is_the_step_with_them(
    spec, recomputes, monkeypatch
):
    if recomputes:
        monkeypatch.setattr(layers, "_LARGE", 0)
    module = anynet.AnyNet.from_spec(spec)
    _assert_equal(_step(module, joined=True), _step(module, joined=False))


def test_it_adds_none_of_them():
    module = anynet.AnyNet.from_spec(_SQUEEZED)
    names = [".".join(path[1:]) for path in flatten_dict(_drawn(module)["params"])]
    biases = [name for name in names if re.search(r"conv\d?\.bias", name)]
    assert _additions(module, joined=False) - _additions(module, joined=True) == len(biases) == 9


@pytest.mark.parametrize("frozen", [("stem",), ("stem", "stage1")])
def test_norms_of_frozen_parts_see_the_biases(frozen):
    module = anynet.AnyNet.from_spec(_SPEC)
    found, expected = (_step(module, joined, frozen) for joined in (True, False))
    biases = [path for path in found if "conv" in path[-2] and path[-1] == "bias"]
    gradients = [(found.pop(path), expected.pop(path)) for path in biases]
    assert any(np.any(own) for own, _ in gradients)  # a frozen part takes none
    _assert_equal(found, expected)


class _Doubled(Conv):
    @nn.compact
    def __call__(self, x):
        return 2 * super().__call__(x) + x.mean()


class _Squared(BatchNorm):
    @nn.compact
    def __call__(self, x):
        return super().__call__(x) + x**2


class _OwnStem(anynet.AnyNet):
    kind: str = ""

    def stem(self, num_channels):
        conv = _Doubled if self.kind == "conv" else Conv
        norm = _Squared if self.kind == "norm" else BatchNorm
        first = conv(num_channels, 3, 2, cancelled=True, parent=None, name="conv")
        bn = norm(training=self.training, parent=None, name="bn")
        if self.kind == "between":
            return Chain([first, jnp.tanh, bn], parent=None, name="stem")
        if self.kind == "last":
            return Chain([bn, first], parent=None, name="stem")
        return Chain([first, bn], parent=None, name="stem")

    def forward(self, x):
        if self.kind != "apart":
            return self.net(x)
        stem, *rest = self.net.layers
        y = stem.layers[0](x)
        for part in (*stem.layers[1:], *rest):
            y = part(y)
        return y + self.net.layers[0].layers[0](x).mean()


@pytest.mark.parametrize(
    "kind", [*(pytest.param(kind, marks=pytest.mark.full) for kind in ("conv", "last", "plain")),
             "norm", "between", "apart"]
)  # fmt: skip
def test_it_calls_the_layers_of_a_user(kind):
    module = _OwnStem(spec=_SPEC, kind=kind)
    _assert_equal(_step(module, joined=True), _step(module, joined=False))


@pytest.mark.parametrize("layer", [Conv, BatchNorm])
def test_a_call_that_a_user_replaces_is_called(layer, monkeypatch):
    own, seen = layer.__call__, []

    def call(self, x, *args, **kwargs):
        seen.append((self.path, kwargs.keys() & {"adds_bias", "offset"}))
        return own(self, x, *args, **kwargs)

    monkeypatch.setattr(layer, "__call__", call)
    module = anynet.AnyNet.from_spec(_SPEC)
    _step(module, joined=True)
    assert ("net", "stem", "conv" if layer is Conv else "bn") in {path for path, _ in seen}
    assert not any(own_arguments for _, own_arguments in seen)


def test_users_who_intercept_methods_see_outputs_with_biases():
    module, seen = anynet.AnyNet.from_spec(_SPEC), []

    def look(method, args, kwargs, context):
        seen.append(kwargs.keys() & {"adds_bias", "offset"})
        return method(*args, **kwargs)

    with nn.intercept_methods(look):
        found = _step(module, joined=True)
    assert seen
    assert not any(seen)
    _assert_equal(found, _step(module, joined=False))
