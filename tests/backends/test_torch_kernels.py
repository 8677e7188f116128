"""The kernels for batch norm, shortcut and ReLU, run by Triton's interpreter.

`nox -s kernels` sets `TRITON_INTERPRET=1`; elsewhere Triton is not installed, or for GPUs alone.
"""

import os

import numpy as np
import pytest

pytest.importorskip("triton")
if os.environ.get("TRITON_INTERPRET") != "1":
    pytest.skip("TRITON_INTERPRET is not 1", allow_module_level=True)

import torch
import torch.nn.functional as F  # noqa: N812

import anynet_torch
from anynet_torch.fused_norm import batch_norm
from anynet_torch.kernels import Statistics
from anynet_torch.layers import BatchNorm
from common.arch import AnyNetSpec, StageSpec

# Triton's interpreter takes numbers from arrays of one element.
pytestmark = pytest.mark.filterwarnings("ignore:Conversion of an array with ndim")

_SHAPES = [(3, 5, 4, 6), (8, 48, 7, 7), (16, 24), (2, 520, 3, 3), (4, 8, 1, 1)]


def _rows(x):
    return x.contiguous(memory_format=torch.channels_last) if x.ndim == 4 else x


def _inputs(shape):
    torch.manual_seed(0)
    channels = shape[1]
    x, shortcut = _rows(torch.randn(shape) * 2 + 5), _rows(torch.randn(shape))
    weight, bias, offset = torch.rand(channels) + 0.5, torch.randn(channels), torch.randn(channels)
    return [x, weight, bias, shortcut, offset]


def _reference(x, weight, bias, shortcut, offset, has_shortcut, has_offset, relu):
    y = x + has_offset * offset.view(1, -1, *[1] * (x.ndim - 2))
    y = F.batch_norm(y, None, None, weight, bias, True, 0, 1e-5)
    y = y + shortcut if has_shortcut else y
    return F.relu(y) if relu else y


@pytest.mark.parametrize("relu", [False, True], ids=["", "relu"])
@pytest.mark.parametrize("has_offset", [False, True], ids=["", "offset"])
@pytest.mark.parametrize("has_shortcut", [False, True], ids=["", "shortcut"])
@pytest.mark.parametrize("shape", _SHAPES, ids=str)
def test_outputs_and_gradients_are_those_of_float64(shape, has_shortcut, has_offset, relu):
    exact = [t.double().requires_grad_() for t in _inputs(shape)]
    inputs = [t.requires_grad_() for t in _inputs(shape)]
    direction = torch.randn(shape)
    y = _reference(*exact, has_shortcut, has_offset, relu)
    y.backward(direction.double())
    x, weight, bias, shortcut, offset = inputs
    running = Statistics(torch.zeros(shape[1]), torch.ones(shape[1]), 0.1, 1e-5)
    added = (offset if has_offset else None, shortcut if has_shortcut else None)
    found = batch_norm(x, weight, bias, *added, running, relu)
    found.backward(direction)
    np.testing.assert_allclose(found.detach(), y.detach(), rtol=1e-5, atol=3e-5)
    for ours, theirs in zip(inputs, exact, strict=True):
        if ours.grad is not None:
            np.testing.assert_allclose(ours.grad, theirs.grad, rtol=1e-4, atol=3e-4)


@pytest.mark.parametrize("shape", _SHAPES, ids=str)
def test_running_statistics_move_towards_those_of_the_batch_with_its_offset(shape):
    x, weight, bias, _, offset = _inputs(shape)
    mean, var = torch.randn(shape[1]), torch.rand(shape[1])
    axes = [0, *range(2, x.ndim)]
    expected_mean = 0.9 * mean + 0.1 * (x.double().mean(axes) + offset)
    expected_var = 0.9 * var + 0.1 * x.double().var(axes, unbiased=False)
    batch_norm(x, weight, bias, offset, None, Statistics(mean, var, 0.1, 1e-5), True)
    np.testing.assert_allclose(mean, expected_mean, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(var, expected_var, rtol=1e-5, atol=1e-5)


def test_a_momentum_of_1_keeps_nothing_of_the_old_statistics():
    x, weight, bias, *_ = _inputs((3, 5, 4, 6))
    mean, var = torch.full((5,), 1e8), torch.full((5,), 1e8)
    batch_norm(x, weight, bias, None, None, Statistics(mean, var, 1.0, 1e-5), True)
    np.testing.assert_allclose(mean, x.double().mean((0, 2, 3)), rtol=1e-6)
    np.testing.assert_allclose(var, x.double().var((0, 2, 3), unbiased=False), rtol=1e-5)


def test_nan_stays_nan():
    x, weight, bias, *_ = _inputs((3, 5, 4, 6))
    x[0, 1, 0, 0] = np.nan
    running = Statistics(torch.zeros(5), torch.ones(5), 0.1, 1e-5)
    y = batch_norm(x, weight, bias, None, None, running, True)
    assert y[:, 1].isnan().all()
    assert not y[:, [0, 2, 3, 4]].isnan().any()


_STAGES = {
    "resnext": (StageSpec(2, 16, 8, 1, 2), StageSpec(1, 24, 8, 1, 2)),
    "resnet": (StageSpec(2, 16), StageSpec(1, 24)),
    "vanilla": (StageSpec(2, 16), StageSpec(1, 24)),
    "v": (StageSpec(2, 16), StageSpec(1, 24)),
    "vr": (StageSpec(2, 16), StageSpec(1, 24)),
    "mlp": (StageSpec(2, 16, stride=1),),
}
_KINDS = [*((block, "simple") for block in _STAGES), ("resnet", "resnet")]


@pytest.mark.parametrize(("block", "stem"), _KINDS)
def test_a_learner_learns_what_it_learns_without_the_kernels(block, stem, monkeypatch):
    side = 12 if block == "mlp" else None
    spec = AnyNetSpec(8, _STAGES[block], block=block, image_size=side, stem=stem)
    found = []
    for fuses in (False, True):
        if not fuses:
            monkeypatch.setenv("TRITON_INTERPRET", "0")
        learner = anynet_torch.Learner(anynet_torch.create(spec), (1, 12, 12), device="cpu")
        stream = np.random.default_rng(0)
        for _ in range(3):
            images = stream.integers(0, 256, (8, 1, 12, 12), np.uint8)
            learner.train_step(images, stream.integers(0, 10, 8, np.int32), 0.05)
        found.append(learner.state())
        monkeypatch.undo()
    plain, fused = found
    assert not any(layer.joins for layer in learner.network.modules() if type(layer) is BatchNorm)
    for name, array in plain.items():
        np.testing.assert_allclose(fused[name], array, rtol=1e-5, atol=1e-5, err_msg=name)
