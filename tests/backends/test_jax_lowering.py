"""What JAX programs become on each platform, and that they keep NaN."""

from functools import partial

import numpy as np
import pytest

jax = pytest.importorskip("jax")

from jax import export as jax_export  # noqa: E402

import anynet_jax as anynet  # noqa: E402
from anynet_jax import convolution, step  # noqa: E402
from anynet_jax.weights import put_weights  # noqa: E402
from common import AnyNetSpec  # noqa: E402

_SPEC = AnyNetSpec.from_arch(((1, 8, 4, 1), (1, 16, 4, 2)), 8, se_ratio=0.25)
_PRODUCTS = 5
"""Two of a squeeze-and-excitation in each of two blocks, and the head's."""


def _lowered(learner, platform, training):
    images, labels = np.zeros((4, 1, 16, 16), np.uint8), np.zeros(4, np.int32)
    program, (params, batch_stats, *_) = learner._program, learner._state
    with learner._precisely():
        if training:
            function = jax.jit(step._step, static_argnames="program")
            arguments = (learner._state, images, labels, step.weights_dtype(program).type(0.1))
        else:
            function, arguments = step.predict, (params, batch_stats, images)
        return jax_export.export(function, platforms=[platform])(*arguments, program=program)


@pytest.mark.perf
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float64"])
@pytest.mark.parametrize("platform", ["cuda", "tpu"])
def test_convolutions_stay_convolutions_where_the_platform_is_no_cpu(platform, precision, training):
    learner = anynet.Learner(anynet.create(_SPEC), (1, 16, 16), device="cpu", precision=precision)
    program = _lowered(learner, platform, training).mlir_module()
    passes = 3 if training else 1
    assert program.count("stablehlo.dot_general") == passes * _PRODUCTS
    convolutions = sum(
        path.endswith("weight") and array.ndim == 4
        for path, array in anynet.get_weights(learner.network).items()
    )
    # The images need no gradient.
    assert program.count("stablehlo.convolution") == passes * convolutions - training


_KERNELS = {  # of every algorithm that a CPU takes: sides, channels, groups, strides
    "depthwise": (3, 32, 32, 2),
    "wide groups at few positions": (3, 128, 4, 1),
    "some narrow groups": (3, 32, 8, 2),
    "many groups": (3, 1088, 272, 1),
    "one group": (3, 16, 1, 2),
    "one by one": (1, 16, 1, 2),
}


def _convolution_of(kind):
    """A convolution, its arguments, and XLA's own."""
    side, channels, groups, strides = _KERNELS[kind]
    stream = np.random.default_rng(0)
    x = stream.standard_normal((2, 6, 6, channels), np.float32)
    kernel = stream.standard_normal((side, side, channels // groups, channels), np.float32)
    ours = partial(convolution.conv2d, strides=strides, groups=groups)
    return ours, (x, kernel), partial(convolution._native, strides=strides, groups=groups)


def _with_gradients(convolve, x, kernel):
    y, gradients = jax.vjp(convolve, x, kernel)
    return y, *gradients(y)


@pytest.mark.perf
@pytest.mark.parametrize("kind", _KERNELS)
def test_no_algorithm_of_a_cpu_is_lowered_for_another_platform(kind):
    ours, arguments, _ = _convolution_of(kind)
    function = jax.jit(partial(_with_gradients, ours))
    program = jax_export.export(function, platforms=["cuda"])(*arguments).mlir_module()
    assert program.count("stablehlo.convolution") == 3
    assert not any(f"stablehlo.{name}" in program for name in ("dot_general", "while", "slice"))


@pytest.mark.parametrize("kind", _KERNELS)
def test_a_program_for_several_platforms_is_right_on_a_cpu(kind):
    ours, arguments, native = _convolution_of(kind)
    program = jax_export.export(jax.jit(ours), platforms=["cpu", "cuda"])(*arguments)
    assert "stablehlo.case" in program.mlir_module()
    np.testing.assert_allclose(program.call(*arguments), native(*arguments), atol=1e-4)


@pytest.mark.parametrize("kind", _KERNELS)
def test_convolutions_are_mapped_over_an_axis(kind):
    ours, (x, kernel), native = _convolution_of(kind)
    kernels = np.stack([kernel, -2 * kernel])
    found, expected = (jax.jit(jax.vmap(f, (None, 0)))(x, kernels) for f in (ours, native))
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_a_network_with_one_weight_of_nan_predicts_nan():
    network = anynet.create("regnetx32")
    weights = anynet.get_weights(network)
    weights["stage2.block1.conv2.weight"][0, 0, 0, 0] = np.nan
    put_weights(network, weights)  # which `set_weights` would refuse
    images = np.random.default_rng(0).integers(0, 256, (8, 1, 28, 28), np.uint8)
    assert np.isnan(anynet.logits(network, images / np.float32(255))).all()
    assert np.isnan(anynet.Learner(network, (1, 28, 28)).eval_step(images)).all()
