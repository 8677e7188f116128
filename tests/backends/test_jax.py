"""What JAX users expect of a module and of a function."""

from dataclasses import replace

import numpy as np
import pytest

jax = pytest.importorskip("jax")
jnp = jax.numpy

from flax import linen as nn  # noqa: E402
from flax.traverse_util import flatten_dict  # noqa: E402

import anynet_jax as anynet  # noqa: E402
from anynet_jax import layers  # noqa: E402
from anynet_jax.layers import BatchNorm  # noqa: E402
from anynet_jax.model import in_mode  # noqa: E402
from anynet_jax.optimizer import make_optimizer  # noqa: E402
from anynet_jax.step import step_on  # noqa: E402
from common import REGNETX32, AnyNetSpec, reference  # noqa: E402
from common.errors import ConfigError  # noqa: E402
from common.parity import Case, compare, record  # noqa: E402
from common.training import Recipe  # noqa: E402

_SPEC = AnyNetSpec.from_arch(((1, 8, 4, 1), (1, 16, 4, 2)), 8, se_ratio=0.25)


def test_modules_are_hashable_and_equal_by_value():
    first, second = (anynet.AnyNet.from_spec(_SPEC) for _ in range(2))
    assert first == second
    assert hash(first) == hash(second)


def test_flax_initialises_the_tree_that_the_weights_fill():
    network = anynet.create(_SPEC)
    images = jnp.zeros((1, 16, 16, 1))
    shapes = jax.eval_shape(network.module.init, jax.random.key(0), images)
    found = jax.tree.map(lambda leaf: leaf.shape, network.variables)
    assert jax.tree.map(lambda leaf: leaf.shape, shapes) == found


def test_apply_is_pure_and_returns_the_new_statistics():
    network = anynet.create(_SPEC)
    images = jax.random.uniform(jax.random.key(0), (4, 16, 16, 1))
    before = jax.tree.map(np.array, network.variables)
    _, updates = network.module.apply(network.variables, images, mutable=["batch_stats"])
    assert list(updates) == ["batch_stats"]
    jax.tree.map(np.testing.assert_array_equal, before, network.variables)


_QUICKLY = {"xla_backend_optimization_level": 0}
"""Compiled in a part of the time, for what runs once."""

_CONVOLUTIONS = [(1, 2, 3), (2, 4, 3), (2, 2, 1), (1, 8, 3), (2, 1, 3)]


@pytest.mark.parametrize(
    ("algorithm", "strides", "groups", "kernel"),
    [
        *(("split", *convolution) for convolution in _CONVOLUTIONS),
        *(("scan", *convolution) for convolution in _CONVOLUTIONS),
        *(("batch", *convolution) for convolution in _CONVOLUTIONS),
        *(("shift", strides, 16, 3) for strides in (1, 2)),
    ],
)
def test_every_grouped_convolution_is_the_native_one(algorithm, strides, groups, kernel):
    x = jax.random.normal(jax.random.key(0), (2, 9, 8, 16))
    weights = jax.random.normal(jax.random.key(1), (kernel, kernel, 16 // groups, 16))

    def gradients(algorithm):
        def total(x, weights):
            y = anynet.grouped_conv(x, weights, strides, groups, algorithm)
            return (y**2).sum(), y

        compiled = jax.jit(jax.grad(total, (0, 1), has_aux=True), compiler_options=_QUICKLY)
        return compiled(x, weights)

    jax.tree.map(
        lambda ours, native: np.testing.assert_allclose(ours, native, rtol=1e-4, atol=1e-4),
        gradients(algorithm),
        gradients("native"),
    )


@pytest.mark.parametrize(
    ("algorithm", "message"),
    [
        ("fast", "one of auto, native, split, scan, batch, shift; got 'fast'"),
        ("shift", "got 2 groups"),
    ],
)
def test_an_algorithm_that_cannot_be_is_refused(algorithm, message):
    x, weights = jnp.zeros((1, 4, 4, 8)), jnp.zeros((3, 3, 4, 8))
    with pytest.raises(ConfigError, match=message):
        anynet.grouped_conv(x, weights, 1, 2, algorithm)


def _batch_norms(dtype, training):
    """Images of `dtype` and variables for our batch norm and for Flax's, which come with them."""
    keys = jax.random.split(jax.random.key(0), 5)
    x = (3 * jax.random.normal(keys[0], (4, 5, 6, 8)) + 2).astype(dtype)
    scale, bias, mean = (jax.random.normal(key, (8,)) for key in keys[1:4])
    wide = jnp.promote_types(dtype, jnp.float32)
    variables = {
        "params": {"scale": scale.astype(dtype), "bias": bias.astype(dtype)},
        "batch_stats": {
            "mean": mean.astype(wide),
            "var": jax.random.uniform(keys[4], (8,), wide, 0.5),
        },
    }
    ours = BatchNorm(1e-3, 0.25, training)
    flax = nn.BatchNorm(not training, momentum=0.75, epsilon=1e-3, use_fast_variance=False)
    return x, variables, ours, flax


_DIGITS = {"float64": 1e-12, "float32": 2e-5, "bfloat16": 2e-2}


def _assert_equal_trees(ours, others, rtol):
    def assert_equal(ours, other):
        assert ours.dtype == other.dtype
        atol = rtol * float(jnp.abs(other).max())
        np.testing.assert_allclose(ours.astype(float), other.astype(float), rtol=rtol, atol=atol)

    jax.tree.map(assert_equal, ours, others)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("dtype", _DIGITS)
def test_batch_norm_is_flaxs(dtype, training):
    with jax.enable_x64(dtype == "float64"):
        x, variables, ours, flax = _batch_norms(dtype, training)
        outputs = [layer.apply(variables, x, mutable=["batch_stats"]) for layer in (ours, flax)]
        _assert_equal_trees(*outputs, _DIGITS[dtype])


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("dtype", _DIGITS)
def test_the_gradients_of_batch_norm_are_the_automatic_ones_of_flaxs(dtype, training):
    with jax.enable_x64(dtype == "float64"):
        x, variables, ours, flax = _batch_norms(dtype, training)
        weights = jax.random.normal(jax.random.key(9), x.shape, dtype)

        def gradients(layer):
            def total(params, x):
                y, _ = layer.apply({**variables, "params": params}, x, mutable=["batch_stats"])
                return (y * weights).astype(jnp.promote_types(dtype, jnp.float32)).sum()

            gradient = jax.jit(jax.grad(total, (0, 1)), compiler_options=_QUICKLY)
            return gradient(variables["params"], x)

        _assert_equal_trees(gradients(ours), gradients(flax), _DIGITS[dtype])


def test_batch_norm_starts_as_flaxs():
    x, _, ours, flax = _batch_norms("float32", True)
    started = [layer.init(jax.random.key(0), x) for layer in (ours, flax)]
    jax.tree.map(np.testing.assert_array_equal, *started)


def test_statistics_far_from_zero_keep_their_digits():
    x = jax.random.normal(jax.random.key(0), (4, 8, 8, 2)) + 1000
    layer = BatchNorm()
    variables = layer.init(jax.random.key(0), x)
    y, _ = layer.apply(variables, x, mutable=["batch_stats"])
    np.testing.assert_allclose(y.var((0, 1, 2)), 1, rtol=1e-4)


@pytest.mark.perf
def test_a_step_is_compiled_once_for_all_learning_rates():
    learner = anynet.Learner(anynet.create(_SPEC), (1, 16, 16))
    images, labels = np.zeros((4, 1, 16, 16), np.uint8), np.zeros(4, np.int32)
    learner.train_step(images, labels, 0.1)
    compiled = step_on("cpu")._cache_size()
    learner.train_step(images, labels, 0.2)
    assert step_on("cpu")._cache_size() == compiled


_DEEP = AnyNetSpec.from_arch(((3, 16, 8, 1), (3, 32, 8, 1)), 16, se_ratio=0.25)
_KINDS = [_DEEP, replace(_DEEP, se_ratio=0.0).with_block("resnet")]


def _train(spec, monkeypatch, large):
    """Weights after two steps that compute arrays above `large` numbers again, and their bytes."""
    monkeypatch.setattr(layers, "_LARGE", large)
    anynet.clear_caches()
    learner = anynet.Learner(anynet.create(spec, seed=1), (1, 32, 32), device="cpu")
    images = np.random.default_rng(0).integers(0, 256, (16, 1, 32, 32), np.uint8)
    labels, program = np.arange(16, dtype=np.int32) % 10, learner._program
    step = step_on("cpu").lower(learner._state, images, labels, 0.1, program=program)
    needed = step.compile().memory_analysis().temp_size_in_bytes
    for _ in range(2):
        learner.train_step(images, labels, 0.1)
    return learner.state(), needed


@pytest.mark.perf
@pytest.mark.parametrize("spec", _KINDS, ids=lambda spec: spec.block)
def test_what_is_computed_again_saves_memory_and_changes_no_step(spec, monkeypatch):
    kept, kept_bytes = _train(spec, monkeypatch, 1 << 30)
    again, again_bytes = _train(spec, monkeypatch, 0)
    assert again_bytes < 0.85 * kept_bytes
    for name, array in kept.items():
        np.testing.assert_allclose(again[name], array, rtol=1e-4, atol=1e-5, err_msg=name)


_ONE_BLOCK = AnyNetSpec.from_arch(((1, 16, 8, 1),), 16, se_ratio=0.25)
_SHALLOW = [_ONE_BLOCK, replace(_ONE_BLOCK, se_ratio=0.0).with_block("resnet")]


@pytest.mark.full
@pytest.mark.parametrize("spec", _SHALLOW, ids=lambda spec: spec.block)
def test_what_is_computed_again_is_the_reference(spec, monkeypatch):
    monkeypatch.setattr(layers, "_LARGE", 0)
    anynet.clear_caches()
    case = Case("computed again", spec, 32, 4, 2)
    subjects = {"reference": record(reference, case), "jax": record(anynet, case)}
    assert [str(item) for item in compare(subjects, [case]) if not item.within] == []


@pytest.mark.perf
def test_a_block_does_not_compute_the_blocks_before_it_again():
    learner = anynet.Learner(anynet.create(_DEEP), (1, 32, 32), device="cpu")
    batch = np.zeros((4, 1, 32, 32), np.uint8), np.zeros(4, np.int32)
    step = step_on("cpu").lower(learner._state, *batch, 0.1, program=learner._program)
    kernels = step.compile().as_text().split("\n\n")
    assert max(kernel.count("direction=LE") for kernel in kernels if "ENTRY" not in kernel) == 1


def test_a_trained_network_outlives_the_next_step():
    learner = anynet.Learner(anynet.create(_SPEC), (1, 16, 16))
    network = learner.network
    learner.train_step(np.zeros((4, 1, 16, 16), np.uint8), np.zeros(4, np.int32), 0.1)
    assert np.isfinite(anynet.get_weights(network)["head.fc.weight"]).all()


def test_making_a_learner_and_loading_a_state_compile_nothing(caplog):
    with jax.log_compiles():
        network = anynet.create(AnyNetSpec.from_arch(((1, 20, 5, 1),), 12))
        learner = anynet.Learner(network, (1, 16, 16), Recipe(momentum=0.9))
        learner.load_state(learner.state())
    assert [line for line in caplog.messages if "ompil" in line] == []


@pytest.mark.parametrize("recipe", [Recipe(0.9, clip_norm=1.0), Recipe(optimizer="adamw")])
def test_a_recipes_optimizer_starts_with_zeros(recipe):
    network = anynet.create(_SPEC)
    optimizer, is_own = make_optimizer(network.module, recipe)
    state = optimizer.init(network.variables["params"])
    assert not is_own
    assert not any(map(np.any, jax.tree.leaves(state)))


def test_the_chapters_fields_come_first():
    assert anynet.RegNetX32().arch == REGNETX32.arch


def test_a_call_after_the_first_array_is_told_once_that_it_is_late(monkeypatch, caplog):
    monkeypatch.setattr("common.memory.keep_freed_memory", lambda: True)
    jnp.zeros(1)
    assert [anynet.keep_freed_memory() for _ in range(2)] == [True, True]
    (line,) = caplog.messages
    assert line.startswith("keep_freed_memory: must be called before JAX's first array")


def test_apply_init_returns_variables_drawn_from_its_key():
    class ByHand(anynet.Classifier):
        lr: float = 0.1

        def setup(self):
            self.net = nn.Sequential([lambda x: x.reshape(len(x), -1), nn.Dense(5)])

    variables = ByHand().apply_init([jnp.zeros((1, 8, 8, 1))], jax.random.key(0))
    assert set(variables) == {"params"}


@pytest.mark.parametrize("training", [True, False])
def test_a_bias_that_a_batch_norm_cancels_has_no_gradient(training):
    network = anynet.create(_SPEC)
    module, images = in_mode(network.module, training), jnp.ones((2, 16, 16, 1))

    def loss(params):
        variables = {**network.variables, "params": params}
        logits, _ = module.apply(variables, images, mutable=["batch_stats"])
        return (logits**3).mean()

    found = flatten_dict(jax.jit(jax.grad(loss))(network.variables["params"]))
    biases = [
        gradient
        for (*_, layer, kind), gradient in found.items()
        if layer.startswith("conv") and kind == "bias"
    ]
    assert len(biases) == 9
    assert {bool(bias.any()) for bias in biases} == {not training}
