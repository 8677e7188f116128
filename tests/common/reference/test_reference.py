"""The reference against finite differences and the formulas that define it."""

import numpy as np
import pytest

from common import AnyNetSpec, reference
from common.arch import shared_momentum
from common.errors import BackendError
from common.parity import Case
from common.reference.convolution import conv
from common.training import Recipe

_ARCH = ((1, 8, 4, 1), (2, 8, 2, 2))
_SPECS = {
    "resnext": AnyNetSpec.from_arch(_ARCH, 4),
    "squeezed": AnyNetSpec.from_arch(_ARCH, 4, 3, 2, se_ratio=0.25, conv_bias=False),
    "stride 1": AnyNetSpec.from_arch(((2, 8, 4, 0.5, 1),), 4, stem_stride=1),
    "resnet": AnyNetSpec.from_arch(_ARCH, 4).with_block("resnet"),
    "vanilla": AnyNetSpec.from_arch(_ARCH, 4).with_block("vanilla"),
    "v": AnyNetSpec.from_arch(_ARCH, 4).with_block("v"),
    "vr": AnyNetSpec.from_arch(_ARCH, 4, conv_bias=False).with_block("vr"),
    "resnet stem": AnyNetSpec.from_arch(_ARCH[1:], 4, stem="resnet", stem_stride=1),
    "mlp": AnyNetSpec.from_arch(_ARCH, 4, in_channels=2).with_block("mlp", image_size=13),
}


def _network(case):
    network = reference.create(case.spec)
    reference.set_weights(network, case.arrays())
    return network


def _loss(network, case):
    return reference.gradients(network, case.inputs(), case.labels()).loss


@pytest.mark.parametrize("spec", _SPECS.values(), ids=_SPECS)
def test_gradients_are_finite_differences(spec):
    case, width = Case("", spec, image_size=13, batch=3), 1e-6
    network = _network(case)
    gradients = reference.gradients(network, case.inputs(), case.labels()).gradients
    for name, gradient in gradients.items():
        direction = np.random.default_rng(5).standard_normal(gradient.shape)
        middle, losses = network.arrays[name], []
        for sign in (1, -1):
            network.arrays[name] = middle + sign * width * direction
            losses.append(_loss(network, case))
        network.arrays[name] = middle
        slope = (losses[0] - losses[1]) / (2 * width)
        assert slope == pytest.approx((gradient * direction).sum(), rel=1e-5, abs=1e-8), name


def test_every_parameter_has_a_gradient():
    case = Case("", _SPECS["squeezed"])
    network = _network(case)
    step = reference.gradients(network, case.inputs(), case.labels())
    assert step.gradients.keys() | step.statistics.keys() == network.arrays.keys()


@pytest.mark.parametrize(("k", "stride", "groups"), [(1, 1, 1), (3, 2, 2), (3, 1, 4), (5, 2, 1)])
def test_a_convolution_is_its_formula(k, stride, groups):
    stream = np.random.default_rng(0)
    x = stream.standard_normal((2, 4, 7, 6))
    weight, bias = stream.standard_normal((8, 4 // groups, k, k)), stream.standard_normal(8)
    y, pad, width = conv(x, weight, bias, stride, groups), (k - 1) // 2, 4 // groups
    padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    for n, o, i, j in np.ndindex(y.shape):
        channels = slice(o // (8 // groups) * width, (o // (8 // groups) + 1) * width)
        rows = slice(stride * i, stride * i + k)
        columns = slice(stride * j, stride * j + k)
        expected = bias[o] + (weight[o] * padded[n, channels, rows, columns]).sum()
        assert y[n, o, i, j] == pytest.approx(expected, rel=1e-13, abs=1e-13)


def test_the_loss_is_the_mean_negative_log_probability():
    logits, labels = np.array([[1.0, 2.0, -1.0], [0.0, 800.0, 0.0]]), np.array([0, 1], np.int32)
    loss, _ = reference.cross_entropy(logits, labels)
    assert loss == pytest.approx(0.5 * -np.log(np.e / (np.e + np.e**2 + 1 / np.e)))


def test_statistics_average_the_biased_variance():
    case = Case("", _SPECS["resnext"], batch=2)
    network, before = _network(case), case.arrays()["stem.bn.running_var"].astype(float)
    x = reference.layer_outputs(network, case.inputs(), training=True)["stem.conv"]
    after = reference.gradients(network, case.inputs(), case.labels()).statistics
    new = shared_momentum(case.spec.bn_momentum)
    expected = (1 - new) * before + new * x.var((0, 2, 3))
    np.testing.assert_allclose(after["stem.bn.running_var"], expected, rtol=1e-14)


def test_the_second_nesterov_step_is_the_recipes():
    case, recipe = Case("", _SPECS["resnext"]), Recipe(0.9, True, 0.01)
    learner = reference.Learner(_network(case), case.image_shape, recipe)
    weight, buffer = case.arrays()["head.fc.weight"].astype(np.float64), 0.0
    for rate in (0.1, 0.02):
        step = reference.gradients(learner.network, case.inputs(), case.labels())
        move = step.gradients["head.fc.weight"] + 0.01 * weight
        buffer = 0.9 * buffer + move
        weight = weight - rate * (move + 0.9 * buffer)
        learner.train_step(case.images(), case.labels(), rate)
    np.testing.assert_allclose(learner.state()["head.fc.weight"], weight, rtol=1e-13)


def test_a_state_put_back_continues():
    case, recipe = Case("", _SPECS["resnext"]), Recipe(0.9)
    first = reference.Learner(_network(case), case.image_shape, recipe)
    first.train_step(case.images(), case.labels(), 0.1)
    second = reference.Learner(_network(case), case.image_shape, recipe)
    second.load_state(first.state())
    for learner in (first, second):
        learner.train_step(case.images(), case.labels(), 0.1)
    ours, theirs = first.state(), second.state()
    assert [name for name in ours if not np.array_equal(ours[name], theirs[name])] == []


def test_other_precisions_are_refused():
    with pytest.raises(BackendError, match="float64"):
        reference.Learner(_network(Case("", _SPECS["resnext"])), (1, 8, 8), precision="float32")
